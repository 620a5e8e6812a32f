package csv

func rowCases() []rowCase {
	return append(append(textCases(), badCases()...), optionCases()...)
}

// textCases are files in which every record can be read.
func textCases() []rowCase {
	return []rowCase{
		{name: "empty and quoted empty", content: "a,b,c\n,\"\",x\n",
			want: []string{`p.csv:2 null "" "x"`}},
		{name: "LF, CRLF and none at the end", content: "a,b\r\n1,2\n3,4\r\n5,6",
			want: []string{`p.csv:2 "1" "2"`, `p.csv:3 "3" "4"`, `p.csv:4 "5" "6"`}},
		{name: "line breaks within quotes", content: "a,b\r\n\"x\r\ny\",\"1\n2\r3\"\r\nz,\"\"\"q\"\"\"\r\n",
			want: []string{`p.csv:2 "x\r\ny" "1\n2\r3"`, `p.csv:5 "z" "\"q\""`}},
		{name: "lone CR is data", content: "a,b\n1\r2,3\r\n4,\r5\n",
			want: []string{`p.csv:2 "1\r2" "3"`, `p.csv:3 "4" "\r5"`}},
		{name: "lone CR ends lines", content: "a,b\r1,\"x\ry\"\r\r3,4\n5,6\r\n7,8\r",
			want: []string{`p.csv:2 "1" "x\ry"`, `p.csv:5 "3" "4"`, `p.csv:6 "5" "6"`, `p.csv:7 "7" "8"`}},
		{name: "blank lines, several columns", content: "\n\r\na,b\n\n1,2\r\n\r\n\n3,4\n\n",
			want: []string{`p.csv:5 "1" "2"`, `p.csv:8 "3" "4"`}},
		{name: "blank lines, one column", content: "a\nx\n\n\"\"\r\n\r\ny\n",
			want: []string{`p.csv:2 "x"`, `p.csv:3 null`, `p.csv:4 ""`, `p.csv:5 null`, `p.csv:6 "y"`}},
		{name: "blanks are data", content: "a,b\n 1 ,\t\n",
			want: []string{`p.csv:2 " 1 " "\t"`}},
		{name: "NUL is data", content: "a,b\n1\x00,\"\x00\"\n",
			want: []string{`p.csv:2 "1\x00" "\x00"`}},
		{name: "quotes around every field", content: "\"a\",\"b\"\n\"1\",\"x, y\"\n",
			want: []string{`p.csv:2 "1" "x, y"`}},
		{name: "the header again", content: "a,b\n1,2\na,b\n",
			want: []string{`p.csv:2 "1" "2"`, `p.csv:3 "a" "b"`}},
		{name: "byte order mark", content: "\xef\xbb\xbfa,b\n1,ö\n",
			want: []string{`p.csv:2 "1" "ö"`}},
		{name: "only a header", content: "a,b\n"},
		{name: "only a header, no line break", content: "a,b"},
	}
}

// badCases are files with records that can't be read. No line is lost: it is in a row, or a reject names it.
func badCases() []rowCase {
	return []rowCase{
		{name: "ragged", content: "a,b\n1\n1,2,3\n1,2\n,\n \n", want: []string{
			`p.csv:4 "1" "2"`, `p.csv:5 null null`,
			`source ragged_row p.csv:2: the row has 1 field, want 2, as in the header`,
			`source ragged_row p.csv:3: the row has 3 fields, want 2, as in the header`,
			`source ragged_row p.csv:6: the row has 1 field, want 2, as in the header`,
		}},
		{name: "bare quote", content: "a,b\n1,5\" pipe\n2,x\n", want: []string{
			`p.csv:3 "2" "x"`,
			`source bad_quote p.csv:2: field 2 has a quote in it, near "1,5\" pipe", but doesn't begin with one: quote the whole field, and double the quotes within it`,
		}},
		{name: "text after the closing quote", content: "a,b\n1,\"x\"y\n2,x\n", want: []string{
			`p.csv:3 "2" "x"`,
			`source bad_quote p.csv:2: field 2 goes on after its closing quote, near "1,\"x\"y": double the quotes within it`,
		}},
		{name: "stray quote, later another", content: "a,b\n1,\"x\n2,\"y\"\n3,z\n", want: []string{
			`p.csv:3 "2" "y"`, `p.csv:4 "3" "z"`,
			`source bad_quote p.csv:2: field 2 goes on after its closing quote, near "2,\"y\"": double the quotes within it`,
		}},
		{name: "quote never closed", content: "a,b\n1,\"x\n2,y\n3,\"\"\n", want: []string{
			`p.csv:3 "2" "y"`, `p.csv:4 "3" ""`,
			`source open_quote p.csv:2: the quote that opens field 2 isn't closed before the file ends: close it, or double it if it is part of the text`,
		}},
		{name: "quote never closed, on a later line of its record", content: "a,b\n\"x\ny\",\"z\n2,y", want: []string{
			`p.csv:4 "2" "y"`,
			`source open_quote p.csv:2: line 3: the quote that opens field 2 isn't closed before the file ends: close it, or double it if it is part of the text`,
		}},
		{name: "quote never closed, lone CR", content: "a,b\r\"x\ry\",\"z\r2,y\r3,4", want: []string{
			`p.csv:4 "2" "y"`, `p.csv:5 "3" "4"`,
			`source open_quote p.csv:2: line 3: the quote that opens field 2 isn't closed before the file ends: close it, or double it if it is part of the text`,
		}},
		{name: "invalid UTF-8", content: "a,b\n1,Stra\xdfe\n2,\xc3\n3,ok\n", want: []string{
			`p.csv:4 "3" "ok"`,
			`source bad_encoding p.csv:2: column "b" has "Stra\xdfe", which isn't utf-8 text: correct it, or set encoding to the one that the file has`,
			`source bad_encoding p.csv:3: column "b" has "\xc3", which isn't utf-8 text: correct it, or set encoding to the one that the file has`,
		}},
		{name: "half a UTF-16 pair", content: "\xff\xfea\x00\n\x00\x00\xd8\n\x00b\x00", want: []string{
			`p.csv:3 "b"`,
			`source bad_encoding p.csv:2: column "a" has "` + "\ufffd" + `", which isn't utf-16le text: correct it, or set encoding to the one that the file has`,
		}},
		{name: "bad values", content: "i,d,f,b,day,at,j\n" +
			"x,,,,,,\n,1e5,,,,,\n,,NaN,,,,\n,,,maybe,,,\n,,,,31.12.2026,,\n,,,,,2026-01-02 03:04:05,\n,,,,,,{\n99999999999999999999,,,,,,\n",
			set: allTypes, want: []string{
				`source bad_int p.csv:2: column "i" has "x", want a whole number of at most 64 bits, such as -12`,
				`source bad_decimal p.csv:3: column "d" has "1e5", want a decimal number, such as -1234.50`,
				`source bad_float p.csv:4: column "f" has "NaN", want a number, such as 1.5 or 6e23`,
				`source bad_bool p.csv:5: column "b" has "maybe", want true or false, yes or no, 1 or 0`,
				`source bad_date p.csv:6: column "day" has "31.12.2026", want a date, such as 2026-09-30`,
				`source bad_time p.csv:7: column "at" has "2026-01-02 03:04:05", want an instant with its time zone, such as 2026-09-30T12:00:00Z or 2026-09-30 12:00:00+02:00`,
				`source bad_json p.csv:8: column "j" has "{", want a JSON document`,
				`source bad_int p.csv:9: column "i" has "99999999999999999999", want a whole number of at most 64 bits, such as -12`,
			}},
	}
}

func allTypes(c *Config) {
	c.Types = map[string]string{
		"i": "int", "d": "decimal", "f": "float", "b": "bool", "day": "date", "at": "time", "j": "json",
	}
}

// optionCases are files that the options describe.
func optionCases() []rowCase {
	return []rowCase{
		{name: "typed", content: "i,d,f,b,day,at,j\n" +
			"-7,+001.50,6e23,TRUE,2026-02-28,2026-01-02T03:04:05.123456+01:00,\"{\"\"a\"\": [1]}\"\n" +
			" 7 ,.5,.5,no,0001-01-01,2026-01-02 03:04:05Z, 1\n" +
			"9223372036854775807,12345678901234567890123456789012345678.9,1,f,9999-12-31,2026-01-02 03:04:05.5-03,null\n" +
			"\"\",\"\",\"\",\"\",\"\",\"\",\"\"\n",
			set: allTypes, want: []string{
				`p.csv:2 int:-7 decimal:+001.50 float:6e+23 bool:true date:2026-02-28 time:2026-01-02T02:04:05.123456Z json:{"a": [1]}`,
				`p.csv:3 int:7 decimal:.5 float:0.5 bool:false date:0001-01-01 time:2026-01-02T03:04:05Z json: 1`,
				`p.csv:4 int:9223372036854775807 decimal:12345678901234567890123456789012345678.9 float:1 bool:false date:9999-12-31 time:2026-01-02T06:04:05.5Z json:null`,
				`p.csv:5 null null null null null null null`,
			}},
		{name: "empty: string", content: "a,b\n,\"\"\n", set: func(c *Config) { c.Empty = "string" },
			want: []string{`p.csv:2 "" ""`}},
		{name: "nulls", content: "a,b\nNULL,\"NULL\"\nnull,\"\"\n", set: func(c *Config) { c.Nulls = []string{"NULL", ""} },
			want: []string{`p.csv:2 null null`, `p.csv:3 "null" null`}},
		{name: "delimiter and quote", content: "a;b\n1,2;'x;''y'''\n", set: func(c *Config) { c.Delimiter, c.Quote = ";", "'" },
			want: []string{`p.csv:2 "1,2" "x;'y'"`}},
		{name: "tabs, nothing quoted", content: "a\tb\n\"1\t5\" pipe\n", set: func(c *Config) { c.Delimiter, c.Quote = `\t`, "" },
			want: []string{`p.csv:2 "\"1" "5\" pipe"`}},
		{name: "no header", content: "1,2\n\n3\n", set: func(c *Config) { c.Header, c.Columns = false, []string{"a", "b"} },
			want: []string{`p.csv:1 "1" "2"`, `source ragged_row p.csv:3: the row has 1 field, want 2, as columns has names`}},
		{name: "no header, empty file", content: "", set: func(c *Config) { c.Header, c.Columns = false, []string{"a"} }},
		{name: "windows-1252", content: "a,b\nStra\xdfe,\x80\n", set: func(c *Config) { c.Encoding = "latin1" },
			want: []string{`p.csv:2 "Straße" "€"`}},
		{name: "UTF-16 by its mark", content: "\xff\xfea\x00,\x00b\x00\n\x001\x00,\x00\xf6\x00", want: []string{`p.csv:2 "1" "ö"`}},
		{name: "UTF-16 as declared", content: "\x00a\x00\n\x00\xf6", set: func(c *Config) { c.Encoding = "utf-16be" },
			want: []string{`p.csv:2 "ö"`}},
		{name: "Shift JIS", content: "a\n\x93\xfa\x96{\n\x81\n", set: func(c *Config) { c.Encoding = "shift_jis" },
			want: []string{`p.csv:2 "日本"`,
				`source bad_encoding p.csv:3: column "a" has "` + "\ufffd" + `", which isn't shift_jis text: correct it, or set encoding to the one that the file has`}},
	}
}

package pipeline

import "time"

// The days of the years 1 to 9999, counted from 1970-01-01. What is beyond is left to package time, which takes several times
// as long.
const (
	firstDay  = -719_162
	lastDay   = 2_932_896
	dayMicros = 86_400 * 1_000_000
)

// appendDate appends a day as YYYY-MM-DD.
func appendDate(b []byte, days int64) []byte {
	if days < firstDay || days > lastDay {
		b = time.Unix(days*86_400, 0).UTC().AppendFormat(b, time.RFC3339)
		return b[:len(b)-len("T00:00:00Z")]
	}
	text := [10]byte{4: '-', 7: '-'}
	putDate(&text, uint32(days-firstDay))
	return append(b, text[:]...)
}

// appendTime appends an instant as RFC 3339 has it, in UTC, with as many decimals as it takes.
func appendTime(b []byte, micros int64) []byte {
	days, rest := micros/dayMicros, micros%dayMicros
	if rest < 0 {
		days, rest = days-1, rest+dayMicros
	}
	if days < firstDay || days > lastDay {
		return time.UnixMicro(micros).UTC().AppendFormat(b, time.RFC3339Nano)
	}
	second, fraction := uint32(rest/1_000_000), uint32(rest%1_000_000)
	text := [27]byte{4: '-', 7: '-', 10: 'T', 13: ':', 16: ':', 19: '.'}
	putDate((*[10]byte)(text[:10]), uint32(days-firstDay))
	put((*[2]byte)(text[11:]), second/3_600)
	put((*[2]byte)(text[14:]), second/60%60)
	put((*[2]byte)(text[17:]), second%60)
	n := 19
	if fraction != 0 {
		put((*[2]byte)(text[20:]), fraction/10_000)
		put((*[2]byte)(text[22:]), fraction/100%100)
		put((*[2]byte)(text[24:]), fraction%100)
		for n = 26; text[n-1] == '0'; n-- {
		}
	}
	text[n] = 'Z'
	return append(b, text[:n+1]...)
}

// putDate writes the digits of a day that is counted from the first of the year 1. The year begins in March, so that a leap
// day is its last, and is counted from one that can be divided by 400.
func putDate(to *[10]byte, day uint32) {
	const fourCenturies, marchToJanuary = 146_097, 306
	day += marchToJanuary
	of400 := day % fourCenturies
	year := (of400 - of400/1_460 + of400/36_524 - of400/146_096) / 365
	ofYear := of400 - (365*year + year/4 - year/100)
	month := (5*ofYear + 2) / 153
	ofMonth := ofYear - (153*month+2)/5 + 1
	if year += day / fourCenturies * 400; month < 10 {
		month += 3
	} else {
		month, year = month-9, year+1
	}
	put((*[2]byte)(to[0:]), year/100)
	put((*[2]byte)(to[2:]), year%100)
	put((*[2]byte)(to[5:]), month)
	put((*[2]byte)(to[8:]), ofMonth)
}

// put writes two digits.
func put(to *[2]byte, n uint32) { to[0], to[1] = byte('0'+n/10), byte('0'+n%10) }

# Reads what go test -bench prints, and prints medians and, with them, the targets of BENCHMARKS.md.

/^pkg: / { pkg = $2; sub(/^sluice\//, "", pkg) }

/^Benchmark/ {
	name = $1
	sub(/^Benchmark/, "", name)
	sub(/-[0-9]+$/, "", name)
	name = pkg " " name
	for (i = 3; i < NF; i += 2) {
		key = name " " $(i + 1)
		if (!(key in n)) keys[++total] = key
		seen[key, ++n[key]] = $i + 0
	}
}

function median(key, i, j, m, list, t) {
	m = n[key]
	for (i = 1; i <= m; i++) list[i] = seen[key, i]
	for (i = 2; i <= m; i++) for (j = i; j > 1 && list[j] < list[j - 1]; j--) { t = list[j]; list[j] = list[j - 1]; list[j - 1] = t }
	return list[int((m + 1) / 2)]
}

function row(what, measured, target, met) {
	printf "%-78s %12s   %-10s %s\n", what, measured, target, met
}

function least(key, target) {
	if (key in n) row(key, sprintf("%.4g", median(key)), "≥ " target, median(key) >= target ? "met" : "MISSED")
}

function most(key, target) {
	if (key in n) row(key, sprintf("%.4g", median(key)), "≤ " target, median(key) <= target ? "met" : "MISSED")
}

# ratio prints how many times the first is of the second.
function ratio(what, a, b, low, high, r) {
	if (!(a in n) || !(b in n)) return
	r = median(a) / median(b)
	row(what, sprintf("%.2f", r), low ? "≥ " low : high ? "≤ " high : "", low && r < low || high && r > high ? "MISSED" : low || high ? "met" : "")
}

END {
	print "\nMedians"
	for (k = 1; k <= total; k++) row(keys[k], sprintf("%.4g", median(keys[k])), "", "")
	print "\nTargets"
	m = "cmd/sluice "
	for (s = 1; s <= 2; s++) {
		state = s == 1 ? "sqlite" : "postgres"
		least(m "Limits/" state "/150ms budget-%", 98)
		least(m "Limits/" state "/500ms budget-%", 97)
		least(m "Limits/" state "/150ms fill-%", 99)
		least(m "Limits/" state "/500ms fill-%", 99)
		most(m "Limits/" state "/150ms 429s", 0)
		most(m "Limits/" state "/500ms 429s", 0)
		most(m "Write/" state " ratio", 3)
		most(m "Safety/limited/" state " cost-%", 15)
		most(m "Unchanged/" state "/csv peak-MiB", 256)
		most(m "Unchanged/" state "/parquet peak-MiB", 256)
		most(m "Unchanged/" state "/postgres peak-MiB", 256)
	}
	most(m "Scale/parquet ratio", 2)
	most(m "Scale/parquet peak-MiB", 400)
	most(m "Scale/parquet growth", 1.2)
	most(m "Scale/csv ratio", 1)
	most(m "Scale/postgres ratio", 0.6)
	most(m "Scale/postgres server-ratio", 1.3)
	most(m "Scale/postgres oldest-ms", 2000)
	most(m "Changed/unlimited requests-ratio", 1.01)
	most(m "Changed/unlimited wall-ratio", 1.3)
	least(m "Changed/limited/150ms budget-%", 98)
	least(m "Changed/limited/500ms budget-%", 97)
	most(m "Changed/limited/150ms 429s", 0)
	most(m "Changed/limited/500ms 429s", 0)
	most(m "Changed/limited/150ms wall-ratio", 1)
	most(m "Changed/limited/500ms wall-ratio", 1)
	most(m "Changed/killed first-s", 10)
	most(m "Commits server-ms/batch", 3)
	least(m "Commits batches/s", 300)
	least(m "Node/sluice ratio", 10)
	most(m "Start wall-ms", 150)
	most(m "Start peak-MiB", 64)
	most(m "Binary build-s", 120)
	most(m "Binary MiB", 50)
	most(m "Binary version-ms", 30)
	print "\nAgainst the usual way"
	ratio("csv: encoding/csv, kept / source (ns/op)", "sources/csv Read/encoding-csv-kept ns/op", "sources/csv Read/source ns/op")
	ratio("csv: encoding/csv, reused / source (ns/op)", "sources/csv Read/encoding-csv-reused ns/op", "sources/csv Read/source ns/op", 2.5)
	ratio("csv: encoding/csv, reused / splitter (ns/op)", "sources/csv Read/encoding-csv-reused ns/op", "sources/csv Read/splitter ns/op")
	ratio("parquet: source / bare column readers (ns/row)", "sources/parquet Read/source ns/row", "sources/parquet Read/bare ns/row")
	ratio("postgres: source / rows.Scan (cpu-ns/row)", "sources/postgres Read/source cpu-ns/row", "sources/postgres Read/scan cpu-ns/row")
	c = "sinks/hubspot/internal/crm "
	ratio("request body: encoding/json on maps / append (ns/op)", c "Encode/encoding_json_maps ns/op", c "Encode/append ns/op", 5)
	ratio("answer: encoding/json / skim (ns/op)", c "Decode/encoding_json ns/op", c "Decode/skim ns/op")
	ratio("written batch: client / encoding/json on maps (cpu-µs/batch)", c "RoundTrip/client cpu-µs/batch", c "RoundTrip/encoding_json_maps cpu-µs/batch", 0, 0.25)
}

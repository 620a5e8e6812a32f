# make test     everything that the CI checks; finds or installs Postgres, and needs nothing running
# make torture  kills, cuts and pauses the program far longer than make test does; SIZE=small (20 minutes) or full (for a
#               release: days), FOR=10m bounds each layer, RUN=Regexp picks some, SEED=2 draws other samples
# make bench    the benchmarks, about a quarter of an hour; B=Regexp picks some; SCALE=full takes ten million rows where the
#               scale is what is measured (B='Scale|Changed': an hour and a half, and 30 GB of temporary files)
# make fuzz     every fuzz target in turn; FUZZTIME=5m is how long each runs, F=Name picks some
# make build    the programs, into ./bin
# make fmt      formats the code
# make vuln     known vulnerabilities in what is linked; fails if there are any

# Tools have a module of their own, so that users of sluice don't depend on them.
TOOL  := go tool -modfile=.ci/tools.mod
FILES  = $(shell git ls-files -co --exclude-standard '*.go' 2>/dev/null || find . -name '*.go')
B     ?= .
FUZZTIME ?= 30s
SIZE  ?= small
FOR   ?= 0
RUN   ?= .
SEED  ?= 1
SCALE ?= small
ROWS_small  = 1000000
ROWS_full   = 10000000
SEEDS_small = 100000
SEEDS_full  = 1000000
CAMPAIGNS_small = 2000
CAMPAIGNS_full  = 50000
# SQLite is C that was translated to Go. What we can do wrong with it, to use a connection in two goroutines at once, the race
# detector sees in the driver. To watch SQLite's own memory as well, and to check its pointers, takes most of the time of every
# test whose state is in SQLite. So it is with what packs and unpacks files, with regular expressions and with what only tests
# use to compare and to check JSON schemas: functions of what they are given. Of Parquet the readers of columns and pages are
# watched, which we call; what they decode with is not. No package is among them that has a sync.Map: each has a copy of that
# map's code, of which the linker takes one for all, and by one that isn't watched everybody's maps would seem to race.
UNWATCHED := modernc.org/sqlite/lib modernc.org/libc modernc.org/memory \
	github.com/klauspost/compress/... github.com/andybalholm/brotli/... github.com/pierrec/lz4/... compress/flate \
	regexp regexp/syntax github.com/google/go-cmp/... github.com/santhosh-tekuri/jsonschema/v6/... \
	github.com/apache/thrift/... github.com/apache/arrow-go/v18/internal/... github.com/apache/arrow-go/v18/parquet/internal/... \
	$(addprefix github.com/apache/arrow-go/v18/arrow/,array bitutil decimal/... decimal128 decimal256 float16 internal/... scalar)
# What Arrow brings along and we never call, a third of all that there is to compile, is compiled as fast as can be.
UNUSED    := github.com/apache/arrow-go/v18/arrow/compute/... github.com/goccy/go-json/...
# What only debuggers read takes a tenth of a compiler's time.
LEAN      := -dwarf=false
RACE      := -race -gcflags=all=$(LEAN) $(UNWATCHED:%='-gcflags=%=-race=false $(LEAN)') $(UNUSED:%='-gcflags=%=-race=false -l $(LEAN)')
# The first of these start no goroutine (a test holds them to it), so that no race can be of them alone. Torture kills programs
# that are built without the race detector: what they have in them is watched where it is run by other tests.
UNRACED   := ^sluice/((sources|transforms|pipeline/config)(/|$$)|torture(/mutations)?$$)
TEST      := go test -vet=off -timeout 20m -p $(shell getconf _NPROCESSORS_ONLN)
# Compilers and linters end before they have much to collect.
HASTE     := GOGC=300

.PHONY: test unraced raced torture lint advise bench fuzz build fmt vuln

test lint: export GOFLAGS := $(shell go env GOFLAGS) -gcflags=all=$(LEAN) $(UNUSED:%='-gcflags=%=-l $(LEAN)')

# Both at a time, with one cluster: many tests wait rather than work.
test: lint advise
	.ci/with-postgres --memory $(MAKE) --no-print-directory -j 2 unraced raced

# Many tests wait rather than work: of one package twice as many run at a time as there are processors.
WAITING   := -parallel $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))

# Without go test's own vet: lint has run all of it. And without the second that each program with the race detector sleeps
# before it ends. From the last one on: the sink's tests take longest, one after the other.
unraced:
	$(TEST) $$(go list ./... | grep -E '$(UNRACED)')

raced: export CGO_ENABLED := 1
raced:
	$(HASTE) go build $(RACE) ./...
	GORACE=atexit_sleep_ms=10 $(TEST) $(WAITING) $(RACE) $$(go list ./... | grep -vE '$(UNRACED)' | sort -r)

torture:
	@report=$$(mktemp); code=0; \
	.ci/with-postgres go test -timeout 0 ./torture -run '$(RUN)' -size $(SIZE) -for $(FOR) -seed $(SEED) -summary "$$report" || code=$$?; \
	.ci/with-postgres go test -timeout 0 ./torture/mutations -run '$(RUN)' -size $(SIZE) || code=$$?; \
	go test -timeout 0 ./pipeline -run 'TestSimulation$$' -seeds $(SEEDS_$(SIZE)) -from $$(($(SEED) * 1000000)) -workers 2 -for $(FOR) || code=$$?; \
	go test -timeout 0 ./sinks/hubspot -run 'TestCampaign$$' -seeds $(CAMPAIGNS_$(SIZE)) -from $$(($(SEED) * 1000000)) -for $(FOR) || code=$$?; \
	cat "$$report"; rm -f "$$report"; exit $$code

lint:
	@unformatted="$$(gofmt -l $(FILES))"; \
	if [ -n "$$unformatted" ]; then printf 'not formatted (run: make fmt):\n%s\n' "$$unformatted" >&2; exit 1; fi
	$(HASTE) go vet ./...
	$(HASTE) $(TOOL) staticcheck ./...

# Vulnerabilities become known without a line of code having changed: here they are shown, but fail no test.
advise:
	@if timeout 5 bash -c 'exec 3<>/dev/tcp/vuln.go.dev/443' 2>/dev/null; then \
		timeout 300 $(TOOL) govulncheck ./... || echo 'govulncheck: see above; tests go on'; \
	else \
		echo 'govulncheck: left out, vuln.go.dev is unreachable'; \
	fi

vuln:
	$(TOOL) govulncheck ./...

bench:
	.ci/with-postgres .ci/bench '$(B)' $(ROWS_$(SCALE))

fuzz:
	.ci/with-postgres .ci/fuzz $(FUZZTIME) '$(F)'

build:
	go build -trimpath -o bin/ ./cmd/...

fmt:
	gofmt -w $(FILES)

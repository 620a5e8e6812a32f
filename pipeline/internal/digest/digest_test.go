package digest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestTable proves that a table is what a map would be, through growth and among keys that share their places, and keeps the
// order in which keys came.
func TestTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := NewTable(rapid.IntRange(0, 10).Draw(t, "room"))
		defer table.Close()
		type entry struct {
			content uint64
			seen    bool
		}
		model := map[uint64]entry{}
		var order []uint64 // in which keys came
		put := func(key uint64, e entry) {
			if _, known := model[key]; !known {
				order = append(order, key)
			}
			model[key] = e
		}
		most := rapid.SampledFrom([]uint64{20, 4000, 1 << 62}).Draw(t, "keys")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		key := func() uint64 { return 2 * (1 + rng.Uint64N(most)) } // small ones share the first slot
		steps := rapid.IntRange(1, 3000).Draw(t, "steps")
		for step := range steps {
			if step == steps/2 {
				var packed []byte
				for range rng.IntN(1500) {
					k, e := key(), entry{content: rng.Uint64N(3)}
					e.seen = model[k].seen
					packed = Append(packed, k, e.content)
					put(k, e)
				}
				table.Load(packed)
			}
			k := key()
			e, known := model[k]
			switch rng.IntN(6) {
			case 5:
				table.Reserve(rng.IntN(5000))
			case 0, 1:
				e.content = rng.Uint64N(3)
				table.Put(k, e.content)
				put(k, e)
			case 2:
				if table.Forget(k); known {
					model[k] = entry{Ask, e.seen}
				}
			case 3:
				table.Mark(k)
				put(k, entry{e.content, true})
			default:
				keys := slices.Clone(order[min(len(order), rng.IntN(100)):min(len(order), 100+rng.IntN(30))])
				keys = slices.Insert(keys, rng.IntN(len(keys)+1), k, key())
				contents := make([]uint64, len(keys))
				same, want, again := make([]bool, len(keys)), make([]bool, len(keys)), false
				for i, k := range keys {
					contents[i] = rng.Uint64N(3)
					e, known := model[k]
					want[i] = known && e.content == contents[i] && e.content != Ask
					if again = again || e.seen; known {
						model[k] = entry{e.content, true}
					}
				}
				if got := table.Probe(keys, contents, same); got != again || !slices.Equal(same, want) {
					t.Fatalf("probe of %d: %v, %v; want %v, %v", keys, same, got, want, again)
				}
			}
		}
		seen, packed, packedOrder := 0, map[uint64]uint64{}, []uint64(nil)
		for b := range table.Packed(100) {
			for k, c := range Entries(b) {
				packed[k] = c
				packedOrder = append(packedOrder, k)
			}
		}
		if !slices.Equal(packedOrder, order) {
			t.Fatalf("packed as %d, want %d", packedOrder, order)
		}
		for k, e := range model {
			if e.seen {
				seen++
			}
			if packed[k] != e.content || table.Marked(k) != e.seen {
				t.Fatalf("key %d: %d, %v; want %+v", k, packed[k], table.Marked(k), e)
			}
		}
		if table.Len() != len(model) || len(packed) != len(model) || table.Seen() != seen || table.Unseen() != len(model)-seen {
			t.Fatalf("%d entries, %d packed, %d seen; want %d, %d", table.Len(), len(packed), table.Seen(), len(model), seen)
		}
	})
}

// TestKey proves that no key stands for an empty slot or for a mark.
func TestKey(t *testing.T) {
	for i := range 10_000 {
		if k := Key(fmt.Sprint(i)); k == 0 || k&seenBit != 0 {
			t.Fatal(i, k)
		}
	}
}

// BenchmarkProbe looks up batches of 1,024 among ten million keys, at random and in order, and compares the
// former with a map of Go (of-map: the share of its time).
func BenchmarkProbe(b *testing.B) {
	const n, batch = 10_000_000, 1024
	table, m := NewTable(n), make(map[uint64]uint64, n)
	defer table.Close()
	nth := func(i int) uint64 { return uint64(i+1) * 0x9E3779B97F4A7C15 &^ 1 }
	for i := range n {
		table.Put(nth(i), uint64(i+1))
		m[nth(i)] = uint64(i + 1)
	}
	var perKey [2]float64
	keys, contents, same := make([]uint64, batch), make([]uint64, batch), make([]bool, batch)
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func() {
		for i := range keys {
			at := rng.IntN(n)
			keys[i], contents[i] = nth(at), uint64(at+1)
		}
	}
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			draw()
			table.Probe(keys, contents, same)
		}
		perKey[0] = float64(b.Elapsed().Nanoseconds()) / float64(b.N*batch)
		b.ReportMetric(perKey[0], "ns/key")
		b.ReportMetric(float64(len(table.entries)*Size+len(table.index)*4)/n, "B/key")
	})
	b.Run("in-order", func(b *testing.B) {
		at := 0
		for b.Loop() {
			for i := range keys {
				keys[i], contents[i] = nth(at), uint64(at+1)
				at = (at + 1) % n
			}
			table.Probe(keys, contents, same)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/key")
	})
	b.Run("map", func(b *testing.B) {
		for b.Loop() {
			draw()
			for i, key := range keys {
				same[i] = m[key] == contents[i]
			}
		}
		perKey[1] = float64(b.Elapsed().Nanoseconds()) / float64(b.N*batch)
		b.ReportMetric(perKey[1], "ns/key")
		b.ReportMetric(perKey[0]/perKey[1], "of-map")
	})
}

package parquet

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
)

// Bounds of the memory that reading takes.
const (
	maxPage    = 256 << 20 // bytes of one page, uncompressed
	maxPages   = 384 << 20 // bytes of the pages of all columns that are read at the same time, and of what is made of them
	maxValue   = 16 << 20  // bytes of one value
	maxRow     = 64 << 20  // bytes of the values of one row
	batchBytes = 8 << 20   // bytes of the values of one batch, about
	batchCells = 1 << 20   // values of one batch

	bufferBytes = 64 << 20 // of all columns together, read ahead, about
)

// guard calls f, a piece of decoding, and returns a panic in it as an error: the decoders panic at damaged files.
func guard(f func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case tooMuch:
			err = p
		default:
			err = fmt.Errorf("the data can't be decoded: %v", p)
		}
	}()
	return f()
}

// A tooMuch is the panic and the error of a limited allocator.
type tooMuch int64

func (n tooMuch) Error() string {
	return fmt.Sprintf("its pages and those of the other columns need more than %d MiB of memory: read fewer columns at a time, or write smaller pages", int64(n)>>20)
}

// A limited allocates up to a limit. Methods may be called concurrently.
type limited struct {
	memory.Allocator
	limit int64
	live  atomic.Int64
}

func newLimited(limit int64) *limited {
	return &limited{Allocator: memory.NewGoAllocator(), limit: limit}
}

func (l *limited) take(n int) {
	if l.live.Add(int64(n)) > l.limit {
		l.give(n)
		panic(tooMuch(l.limit))
	}
}

func (l *limited) give(n int) { l.live.Add(-int64(n)) }

func (l *limited) Allocate(size int) []byte {
	l.take(size)
	return l.Allocator.Allocate(size)
}

func (l *limited) Reallocate(size int, b []byte) []byte {
	l.take(size - len(b))
	return l.Allocator.Reallocate(size, b)
}

func (l *limited) Free(b []byte) {
	l.give(len(b))
	l.Allocator.Free(b)
}

// boundCodecs makes two of Arrow's codecs stop at the size that a page's header declares, as its others do: a few
// bytes could ask them for gigabytes. Arrow keeps its codecs in one list for the whole program.
var boundCodecs = sync.OnceFunc(func() {
	if codec, err := compress.GetCodec(compress.Codecs.Snappy); err == nil {
		compress.RegisterCodec(compress.Codecs.Snappy, boundedSnappy{codec})
	}
	codec, err := compress.GetCodec(compress.Codecs.Zstd)
	dec, derr := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxPage))
	if err == nil && derr == nil {
		compress.RegisterCodec(compress.Codecs.Zstd, boundedZstd{codec, dec})
	}
})

type boundedSnappy struct{ compress.Codec }

func (boundedSnappy) DecodeWithError(dst, src []byte) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	if n > len(dst) {
		return nil, fmt.Errorf("%d bytes are more than the page's %d", n, len(dst))
	}
	return snappy.Decode(dst, src)
}

type boundedZstd struct {
	compress.Codec
	dec *zstd.Decoder
}

func (z boundedZstd) DecodeWithError(dst, src []byte) ([]byte, error) {
	return z.dec.DecodeAll(src, dst[:0:len(dst)])
}

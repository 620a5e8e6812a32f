package parquet

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/metadata"

	"sluice/pipeline"
	"sluice/pipeline/failpoint"
	"sluice/sources/internal/files"
)

// A digest tells one file from another: it is made of the file's size and of its footer.
type digest [sha256.Size]byte

// An input is an open file.
type input struct {
	path   string
	file   *os.File
	size   int64
	digest digest
	meta   *metadata.FileMetaData
	reader *file.Reader
	mem    *limited // of the pages that are being read
	piece  int      // values of a column that are decoded at a time, at most
}

// openInput opens a file and reads its footer. The error names the file.
func openInput(path string) (*input, error) {
	if err := files.Check(path, extension); err != nil {
		return nil, err
	}
	if err := failpoint.At("file.op"); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	in := &input{path: path, file: f}
	if err := in.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return in, nil
}

func (in *input) load() error {
	info, err := in.file.Stat()
	if err != nil {
		return err
	}
	in.size = info.Size()
	footer, err := readFooter(in.file, in.size)
	if err != nil {
		return err
	}
	in.digest = sha256.Sum256(binary.LittleEndian.AppendUint64(footer, uint64(in.size)))
	if in.meta, err = parseFooter(footer, in.size); err != nil {
		return err
	}
	in.mem = newLimited(maxPages)
	props := parquet.NewReaderProperties(in.mem)
	props.BufferedStreamEnabled = true // page by page, not a whole column chunk
	columns := max(1, in.meta.Schema.NumColumns())
	props.BufferSize = int64(max(4<<10, min(64<<10, bufferBytes/columns)))
	in.piece = max(1, min(pipeline.BatchRows, batchCells/columns))
	props.MaxUncompressedPageSize = maxPage
	return guard(func() (err error) {
		in.reader, err = file.NewParquetReader(in.file, file.WithMetadata(in.meta), file.WithReadProps(props))
		return err
	})
}

func (in *input) close() error { return in.file.Close() }

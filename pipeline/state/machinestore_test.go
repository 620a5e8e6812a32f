package state

import (
	"context"

	"sluice/pipeline"
	"sluice/pipeline/internal/digest"
	"sluice/pipeline/internal/model"
)

// A machineStore is a store that the machine plays on.
type machineStore interface {
	pipeline.Store
	Peek(ctx context.Context, b pipeline.Begin) (pipeline.Resume, error)
	Remember(ctx context.Context, pipeline, key string) (pipeline.Memory, error)
	crash(name string, epoch int64) // ends the lease as the end of its process does
	letters(ctx context.Context, name string, closed bool) ([]DeadLetter, error)
	retry(ctx context.Context, name string, id int64) error
}

// A machineRun is a run in one of the stores.
type machineRun struct {
	machineStore
	pipeline.Resume
	what, name string
}

// compact compacts the digest as a run does.
func (r *machineRun) compact(ctx context.Context, name string) error {
	table := digest.NewTable(0)
	defer table.Close()
	number, err := r.Digest(ctx, name, r.Epoch, func(packed []byte) error {
		for key, content := range digest.Entries(packed) {
			table.Put(key, content)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.Compact(ctx, name, r.Epoch, number, table.Packed(2))
}

type real struct{ *store }

func (s real) crash(name string, epoch int64) { s.drop(name, epoch) }

func (s real) letters(ctx context.Context, name string, closed bool) ([]DeadLetter, error) {
	return s.Rejects(ctx, Filter{Pipeline: name, Closed: closed})
}

func (s real) retry(ctx context.Context, name string, id int64) error {
	_, _, err := s.Retry(ctx, Filter{Pipeline: name, IDs: []int64{id}})
	return err
}

type modelled struct{ *model.Store }

func (s modelled) crash(_ string, epoch int64) { s.Release(epoch) }

func (s modelled) letters(_ context.Context, _ string, closed bool) (list []DeadLetter, _ error) {
	for _, l := range s.Letters(closed) {
		list = append(list, DeadLetter{ID: l.ID, Key: l.Key, Place: l.Place, Stage: l.Stage, Code: l.Code, State: l.State})
	}
	return list, nil
}

func (s modelled) retry(_ context.Context, _ string, id int64) error {
	s.Retry(id)
	return nil
}

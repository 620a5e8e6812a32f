package pipeline

import (
	"context"
	"fmt"
)

// waitingSlots tells which slots of a row have a link that waits to be made, relabelled or removed. It keeps those of the
// row that it was asked of last.
type waitingSlots struct {
	*run
	key   string
	slots map[string]bool // nil before the first row
}

// has looks at the store after what it is asked about was read from the destination: a link that was removed meanwhile
// still waits then, or has left the ledger.
func (w *waitingSlots) has(ctx context.Context, e *KeyedEntry, slot string) (bool, error) {
	if !e.Waiting {
		return false, nil
	}
	if w.slots == nil || w.key != e.Key {
		w.key, w.slots = e.Key, map[string]bool{}
		after := &LinkChange{Key: e.Key} // before all links of the row
		for after != nil {
			page, err := w.store.Waiting(ctx, w.Name, after, max(1, len(w.specs)))
			if err != nil {
				return false, fmt.Errorf("read waiting links: %w", err)
			}
			after = nil
			for i := range page {
				if page[i].Key == e.Key {
					w.slots[page[i].Slot], after = true, &page[i]
				}
			}
		}
	}
	return w.slots[slot], nil
}

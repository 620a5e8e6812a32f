package crm

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
)

// AssociateTypes sets the types of associations; HubSpot replaces those that a pair has (API.md 10.1). Up to
// MaxAssociations links; safe to repeat, and repeated here.
func (c *Client) AssociateTypes(ctx context.Context, from, to string, links []Association) (*AssociationAnswer, error) {
	return c.associate(ctx, "associate", from, to, "batch/create", len(links), encodeLinks(links, true))
}

// AssociateDefault associates pairs by the default type. Up to MaxAssociations pairs; safe to repeat, and repeated here.
func (c *Client) AssociateDefault(ctx context.Context, from, to string, pairs []Pair) (*AssociationAnswer, error) {
	links := make([]Association, len(pairs))
	for i, p := range pairs {
		links[i].Pair = p
	}
	return c.associate(ctx, "associate", from, to, "batch/associate/default", len(links), encodeLinks(links, false))
}

// ArchiveAssociations removes all types of association between pairs. Up to MaxAssociations pairs; safe to repeat, and
// repeated here.
func (c *Client) ArchiveAssociations(ctx context.Context, from, to string, pairs []Pair) (*AssociationAnswer, error) {
	return c.associate(ctx, "dissociate", from, to, "batch/archive", len(pairs), encodeUnlinks(pairs))
}

// ArchiveLabels removes the given types from pairs. Removing the unlabelled type removes all of them (API.md 10.1).
// Up to MaxAssociations links; safe to repeat, and repeated here.
func (c *Client) ArchiveLabels(ctx context.Context, from, to string, links []Association) (*AssociationAnswer, error) {
	return c.associate(ctx, "remove labels of", from, to, "batch/labels/archive", len(links), encodeLinks(links, true))
}

func (c *Client) associate(ctx context.Context, verb, from, to, action string, n int, body []byte) (*AssociationAnswer, error) {
	if n == 0 {
		return &AssociationAnswer{}, nil
	}
	op := verb + " " + from + " and " + to
	if err := tooMany(op, n, MaxAssociations); err != nil {
		return nil, err
	}
	answer := new(AssociationAnswer)
	err := c.do(ctx, call{
		op: op, method: http.MethodPost, path: c.paths.association(from, to) + "/" + action,
		body: body, safe: true, associations: true,
		bodyless: true, // archiving has none in v4; of the others it tells as little as a body without results: the pair is read
		decode:   func(r reply) error { return decodeAssociations(r, answer) },
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

func decodeAssociations(r reply, answer *AssociationAnswer) error {
	*answer = AssociationAnswer{HTTPStatus: r.status, CorrelationID: r.correlation()}
	var wire struct {
		Results []associationWire `json:"results"`
		Errors  []ItemError       `json:"errors"`
	}
	if err := json.Unmarshal(r.body, &wire); err != nil {
		return err
	}
	answer.Errors = wire.Errors
	for _, w := range wire.Results {
		answer.Results = append(answer.Results, w.result())
	}
	return nil
}

// associationWire has the fields of both shapes of results: of typed and of default associations (API.md 10.2).
type associationWire struct {
	FromObjectID text            `json:"fromObjectId"`
	ToObjectID   text            `json:"toObjectId"`
	Labels       []text          `json:"labels"`
	From         idWire          `json:"from"`
	To           json.RawMessage `json:"to"` // a list in answers to batch/archive
	Spec         struct {
		Category text `json:"associationCategory"`
		ID       text `json:"associationTypeId"`
	} `json:"associationSpec"`
}

type idWire struct {
	ID text `json:"id"`
}

func (w *associationWire) result() AssociationResult {
	var to idWire
	_ = json.Unmarshal(w.To, &to) // a list says nothing about one pair
	r := AssociationResult{
		Pair: Pair{
			From: orDefault(string(w.FromObjectID), string(w.From.ID)),
			To:   orDefault(string(w.ToObjectID), string(to.ID)),
		},
		Type: AssociationType{Category: string(w.Spec.Category), ID: w.Spec.ID.int()},
	}
	for _, label := range w.Labels {
		r.Labels = append(r.Labels, string(label))
	}
	return r
}

// A page is where the reading of a record's associations goes on.
type page struct{ id, after string }

// ReadAssociations returns all associations of records, in as many requests as that takes.
func (c *Client) ReadAssociations(ctx context.Context, from, to string, ids []string) (*AssociationReads, error) {
	reads := &AssociationReads{To: map[string][]Associated{}}
	for chunk := range slices.Chunk(ids, MaxAssociationReads) {
		pages := make([]page, len(chunk))
		for i, id := range chunk {
			pages[i].id = id
		}
		for len(pages) > 0 {
			next, err := c.readPages(ctx, from, to, pages, reads)
			if err != nil {
				return nil, err
			}
			pages = next
		}
	}
	return reads, nil
}

// readPages reads one page of each record and returns the pages after them.
func (c *Client) readPages(ctx context.Context, from, to string, pages []page, reads *AssociationReads) ([]page, error) {
	var wire associatedPage
	err := c.do(ctx, call{
		op: "read associations of " + from + " and " + to, method: http.MethodPost,
		path: c.paths.association(from, to, "batch", "read"),
		body: encodePages(pages), safe: true, associations: true,
		decode: func(r reply) error { return wire.decode(r) },
	})
	if err != nil {
		return nil, err
	}
	reads.Errors = append(reads.Errors, wire.Errors...)
	asked := make(map[page]bool, len(pages))
	for _, p := range pages {
		asked[p] = true
	}
	var next []page
	told := make(map[string]bool, len(wire.Results))
	for _, w := range wire.Results {
		id := string(w.From.ID)
		told[id] = true
		others := reads.To[id]
		for _, t := range w.To {
			others = append(others, t.associated())
		}
		reads.To[id] = others
		// A page that was just asked for would be an endless loop.
		if p := (page{id, string(w.Paging.Next.After)}); p.after != "" && !asked[p] {
			next = append(next, p)
		}
	}
	for _, p := range pages {
		if p.after != "" && !told[p.id] {
			reads.Cut = append(reads.Cut, p.id)
		}
	}
	return next, nil
}

type associatedPage struct {
	Status  text             `json:"status"`
	Results []associatedWire `json:"results"`
	Errors  []ItemError      `json:"errors"`
}

// decode reads a page, as decodeTelling does: a record that it leaves out may have no associations.
func (p *associatedPage) decode(r reply) error {
	if err := into(p)(r); err != nil {
		return err
	}
	if len(p.Results)+len(p.Errors) == 0 && p.Status != statusComplete {
		return errSilent
	}
	return nil
}

type associatedWire struct {
	From   idWire      `json:"from"`
	To     []otherWire `json:"to"`
	Paging struct {
		Next struct {
			After text `json:"after"`
		} `json:"next"`
	} `json:"paging"`
}

type otherWire struct {
	ToObjectID text        `json:"toObjectId"`
	Types      []labelWire `json:"associationTypes"`
}

type labelWire struct {
	Category text `json:"category"`
	TypeID   text `json:"typeId"`
	Label    text `json:"label"`
}

func (w *otherWire) associated() Associated {
	a := Associated{ToID: string(w.ToObjectID)}
	for _, t := range w.Types {
		a.Types = append(a.Types, t.label())
	}
	return a
}

func (w *labelWire) label() Label {
	return Label{Category: string(w.Category), ID: w.TypeID.int(), Label: string(w.Label)}
}

// Labels returns the types of association between two objects, in that direction.
func (c *Client) Labels(ctx context.Context, from, to string) ([]Label, error) {
	wire, err := list[labelWire](ctx, c, call{
		op: "list association labels of " + from + " and " + to, path: c.paths.association(from, to, "labels"), associations: true,
	})
	labels := make([]Label, 0, len(wire))
	for i := range wire {
		labels = append(labels, wire[i].label())
	}
	return labels, err
}

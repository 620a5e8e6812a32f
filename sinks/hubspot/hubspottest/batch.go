package hubspottest

import (
	"net/http"
	"strconv"
)

// A batch is the body of a batch request about records (4).
type batch struct {
	inputs     []input
	present    bool // there was a member called inputs
	idProperty string
	properties []string
	history    []string
}

// An input is one of its records.
type input struct {
	id           string
	idProperty   string
	trace        string
	properties   []pair
	associations []inline
}

// A pair is a property's value as it was sent.
type pair struct {
	name string
	text string
	null bool
}

// An inline association of a create (10.3).
type inline struct {
	to    string
	types []specInput
}

// A specInput names an association type.
type specInput struct {
	Category string `json:"associationCategory"`
	ID       int    `json:"associationTypeId"`
}

// decodeBatch reads the body of a batch request.
func decodeBatch(data []byte) (b batch, err error) {
	r := &reader{data: data}
	err = r.object(func(name []byte) (err error) {
		switch string(name) {
		case "inputs":
			b.present = true
			err = r.array(func() error {
				b.inputs = append(b.inputs, input{})
				return r.input(&b.inputs[len(b.inputs)-1])
			})
		case "idProperty":
			b.idProperty, _, err = r.optional()
		case "properties":
			b.properties, err = r.strings()
		case "propertiesWithHistory":
			b.history, err = r.strings()
		default:
			err = r.skip()
		}
		return err
	})
	if err == nil {
		err = r.end()
	}
	return b, err
}

// optional reads a scalar whose null is "".
func (r *reader) optional() (text string, null bool, err error) {
	text, null, err = r.scalar()
	if null {
		text = ""
	}
	return text, null, err
}

func (r *reader) input(in *input) error {
	return r.object(func(name []byte) (err error) {
		switch string(name) {
		case "id":
			in.id, _, err = r.optional()
		case "idProperty":
			in.idProperty, _, err = r.optional()
		case "objectWriteTraceId":
			in.trace, _, err = r.optional()
		case "properties":
			in.properties, err = r.pairs(in.properties)
		case "associations":
			in.associations, err = r.inlines()
		default:
			err = r.skip()
		}
		return err
	})
}

func (r *reader) pairs(list []pair) ([]pair, error) {
	err := r.object(func(raw []byte) error {
		p := pair{name: r.name(raw)}
		var err error
		p.text, p.null, err = r.scalar()
		list = append(list, p)
		return err
	})
	return list, err
}

func (r *reader) inlines() (list []inline, err error) {
	if r.peek() == 'n' {
		return nil, r.skip()
	}
	err = r.array(func() error {
		var a inline
		err := r.object(func(name []byte) (err error) {
			switch string(name) {
			case "to":
				a.to, err = r.reference()
			case "types":
				a.types, err = r.specs()
			default:
				err = r.skip()
			}
			return err
		})
		list = append(list, a)
		return err
	})
	return list, err
}

// reference reads {"id": …}.
func (r *reader) reference() (id string, err error) {
	err = r.object(func(name []byte) (err error) {
		if string(name) != "id" {
			return r.skip()
		}
		id, _, err = r.optional()
		return err
	})
	return id, err
}

func (r *reader) specs() (list []specInput, err error) {
	err = r.array(func() error {
		var t specInput
		err := r.object(func(name []byte) (err error) {
			switch string(name) {
			case "associationCategory":
				t.Category, _, err = r.optional()
			case "associationTypeId":
				var text string
				if text, _, err = r.optional(); err == nil {
					if t.ID, err = strconv.Atoi(text); err != nil {
						err = r.fail("expected a whole number")
					}
				}
			default:
				err = r.skip()
			}
			return err
		})
		list = append(list, t)
		return err
	})
	return list, err
}

// readBatch decodes the body and checks the number of inputs. A body without inputs succeeds without effect (5.2).
func (c *call) readBatch(status, most int) (batch, *reply) {
	b, err := decodeBatch(c.body)
	switch {
	case err != nil:
		return b, c.refuse(invalidJSON(c.body, err))
	case !b.present && c.switches().RefuseMissingInputs:
		return b, c.refuse(invalid("Invalid input JSON on line 1, column 1: Some required fields were not set: [inputs]"))
	case len(b.inputs) == 0:
		return b, c.emptyBatch(status)
	case len(b.inputs) > most:
		return b, c.refuse(invalid("The maximum number of inputs supported in a batch request is %d, but received %d", most, len(b.inputs)))
	}
	return b, nil
}

func (c *call) emptyBatch(status int) *reply {
	if status == http.StatusNoContent {
		return noContent()
	}
	return (&batchAnswer{status: status}).reply(c)
}

// thin drops a random part of the inputs if a fault wants a request that is applied in part.
func thin[T any](c *call, inputs []T) []T {
	if !c.half {
		return inputs
	}
	keep := 1 + c.s.rng.IntN(max(1, len(inputs)-1))
	c.s.rng.Shuffle(len(inputs), func(i, j int) { inputs[i], inputs[j] = inputs[j], inputs[i] })
	return inputs[:keep]
}

func (c *call) switches() Switches {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.opt.Switches
}

// partial returns whether one bad input spares the others (5.1): every input has a trace id of its own.
func (s *Server) partial(inputs []input) bool {
	seen := make(map[string]bool, len(inputs))
	for i := range inputs {
		seen[inputs[i].trace] = true
	}
	if s.opt.Switches.LooseTraceIDs {
		return len(seen) > 1 || !seen[""]
	}
	return len(seen) == len(inputs) && !seen[""]
}

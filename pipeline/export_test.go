package pipeline

// SetTurns makes the pipeline's runs call f where two of their goroutines would otherwise go on at one instant: before a
// group is written ("write"), before it is committed ("commit"), and before the reading goes on after it was sent ("read").
func (p *Pipeline) SetTurns(f func(of string)) { p.turns = f }

package pipeline

import "context"

type permitKey struct{}

// withPermit returns a context under which Permitted asks permit; nil permits everything.
func withPermit(ctx context.Context, permit func() error) context.Context {
	if permit == nil {
		return ctx
	}
	return context.WithValue(ctx, permitKey{}, permit)
}

// Permitted returns nil while the run that ctx belongs to certainly has its lease. A sink asks right before the first
// byte of every request, after all waiting: a process that was paused for longer than its lease would otherwise write
// beside the run that has taken over (I7). Where it returns an error nothing must be sent.
func Permitted(ctx context.Context) error {
	if permit, ok := ctx.Value(permitKey{}).(func() error); ok {
		return permit()
	}
	return nil
}

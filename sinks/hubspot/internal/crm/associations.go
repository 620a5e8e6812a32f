package crm

import "context"

// AssociateTypes sets the types of associations; HubSpot replaces those that a pair has (API.md 10.1). Up to
// MaxAssociations links; safe to repeat, and repeated here.
func (c *Client) AssociateTypes(ctx context.Context, from, to string, links []Association) (*AssociationAnswer, error) {
	return nil, nil
}

// AssociateDefault associates pairs by the default type. Up to MaxAssociations pairs; safe to repeat, and repeated here.
func (c *Client) AssociateDefault(ctx context.Context, from, to string, pairs []Pair) (*AssociationAnswer, error) {
	return nil, nil
}

// ReadAssociations returns all associations of records, in as many requests as that takes.
func (c *Client) ReadAssociations(ctx context.Context, from, to string, ids []string) (*AssociationReads, error) {
	return nil, nil
}

// ArchiveAssociations removes all types of association between pairs. Up to MaxAssociations pairs; safe to repeat, and
// repeated here.
func (c *Client) ArchiveAssociations(ctx context.Context, from, to string, pairs []Pair) (*AssociationAnswer, error) {
	return nil, nil
}

// ArchiveLabels removes the given types from pairs. Removing the unlabelled type removes all of them (API.md 10.1).
// Up to MaxAssociations links; safe to repeat, and repeated here.
func (c *Client) ArchiveLabels(ctx context.Context, from, to string, links []Association) (*AssociationAnswer, error) {
	return nil, nil
}

// Labels returns the types of association between two objects, in that direction.
func (c *Client) Labels(ctx context.Context, from, to string) ([]Label, error) {
	return nil, nil
}

// Package hubspottest is a HubSpot portal that runs on this machine: the CRM API over HTTP, with state, for tests,
// continuous integration and demonstrations.
//
//	portal := hubspottest.New(hubspottest.Options{Seed: 1})
//	server := httptest.NewServer(portal)
//	// … run the code under test against server.URL, then ask the portal what really happened:
//	portal.Records("contacts")
//	portal.Writes()
//
// It checks what HubSpot checks (properties, types, unique values, batch sizes, duplicate keys, scopes, rate limits)
// and answers in HubSpot's shapes, awkward ones included: shuffled results, 207 with errors that stand for several
// inputs, success without effect. Where HubSpot's behaviour is undocumented or reports contradict each other, a switch
// chooses (Switches). A fault plan (Fault) breaks requests before or after they take effect, which is the only way
// to test what a client does when an answer is lost.
//
// Everything that is random follows from Options.Seed and the order of requests. Time comes from Options.Clock; delays
// use the time package, so that the portal works inside a testing/synctest bubble.
//
// The section numbers in comments are those of the project's HubSpot API reference.
package hubspottest

package hubspottest

import (
	"strings"
	"time"
)

// standardTypes are the object types of 3.2 with what 3.3 requires of them and what 7 takes as key.
func standardTypes() []*objectType {
	std := func(id, name, singular, primary, required, unique string) *objectType {
		return &objectType{
			ID: id, Name: name, Singular: singular, Label: singular, Primary: primary,
			Required: strings.Fields(required), Unique: strings.Fields(unique),
		}
	}
	return []*objectType{
		std("0-1", "contacts", "contact", "email", "email|firstname|lastname", "email"),
		std("0-2", "companies", "company", "name", "name|domain", ""),
		std("0-3", "deals", "deal", "dealname", "dealname dealstage pipeline", ""),
		std("0-5", "tickets", "ticket", "subject", "subject hs_pipeline_stage hs_pipeline", "hs_external_object_ids"),
		std("0-7", "products", "product", "name", "name", "hs_sku"),
		std("0-8", "line_items", "line_item", "name", "", "hs_external_id"),
		std("0-14", "quotes", "quote", "hs_title", "", ""),
		std("0-18", "communications", "communication", "hs_communication_body", "", ""),
		std("0-19", "feedback_submissions", "feedback_submission", "hs_submission_name", "", ""),
		std("0-27", "tasks", "task", "hs_task_subject", "hs_timestamp", ""),
		std("0-46", "notes", "note", "hs_note_body", "hs_timestamp", ""),
		std("0-47", "meetings", "meeting", "hs_meeting_title", "hs_timestamp", ""),
		std("0-48", "calls", "call", "hs_call_title", "hs_timestamp", ""),
		std("0-49", "emails", "email", "hs_email_subject", "hs_timestamp hs_email_direction", ""),
		std("0-53", "invoices", "invoice", "hs_title", "", ""),
		std("0-54", "marketing_events", "marketing_event", "hs_event_name", "", ""),
		std("0-69", "subscriptions", "subscription", "hs_name", "", ""),
		std("0-74", "goal_targets", "goal_target", "hs_goal_name", "", ""),
		std("0-84", "discounts", "discount", "hs_label", "", ""),
		std("0-85", "fees", "fee", "hs_label", "", ""),
		std("0-86", "taxes", "tax", "hs_label", "", ""),
		std("0-101", "commerce_payments", "commerce_payment", "hs_initial_amount", "", ""),
		std("0-115", "users", "user", "hs_email", "", ""),
		std("0-116", "postal_mail", "postal_mail", "hs_postal_mail_body", "", ""),
		std("0-123", "orders", "order", "hs_order_name", "", ""),
		std("0-136", "leads", "lead", "hs_lead_name", "hs_lead_name", ""),
		std("0-142", "carts", "cart", "hs_cart_name", "", ""),
		std("0-162", "services", "service", "hs_name", "", ""),
		std("0-410", "courses", "course", "hs_course_name", "", ""),
		std("0-420", "listings", "listing", "hs_name", "", ""),
		std("0-421", "appointments", "appointment", "hs_appointment_name", "", ""),
		std("0-970", "projects", "project", "hs_name", "", ""),
	}
}

// defineStandard gives a standard type its groups, properties and pipelines.
func (t *objectType) defineStandard(now time.Time) {
	name := t.Singular + "information"
	t.groups = []*group{{Name: name, Label: t.title() + " information"}}
	t.parseProperties(commonProperties+standardProperties[t.Name], name, now)
	if t.find(t.Primary) == nil {
		t.parseProperties(t.Primary+" string text", name, now)
	}
	t.addPipelines(now)
	t.Default = strings.Fields(or(defaultReads[t.Name], "hs_createdate hs_lastmodifieddate hs_object_id"))
}

// parseProperties defines properties written one a line.
func (t *objectType) parseProperties(text, group string, now time.Time) {
	for line := range strings.Lines(text) {
		head, options, _ := strings.Cut(line, ":")
		f := strings.Fields(head)
		if len(f) < 3 {
			continue
		}
		p := &property{Name: f[0], Label: labelOf(f[0]), Type: f[1], FieldType: f[2], GroupName: group, Defined: true}
		for _, flag := range f[3:] {
			switch flag {
			case "ro":
				p.Modification.ReadValue = true
			case "calc":
				p.Calculated, p.Modification.ReadValue = true, true
			case "ext":
				p.External = true
			case "birth":
				p.onBirth = true
			case "uniq":
				p.Unique = true
			}
		}
		for i, v := range strings.Fields(options) {
			p.Options = append(p.Options, option{Label: labelOf(v), Value: v, DisplayOrder: i})
		}
		p.Modification.ReadOnly = true
		p.system = systemField(p.Name)
		t.define(p, now)
	}
}

func systemField(name string) sysField {
	switch name {
	case "hs_object_id":
		return sysID
	case "createdate", "hs_createdate":
		return sysCreated
	case "lastmodifieddate", "hs_lastmodifieddate":
		return sysUpdated
	case "hs_merged_object_ids":
		return sysMerged
	}
	return notSystem
}

// labelOf makes a label of a name.
func labelOf(name string) string {
	words := strings.ReplaceAll(strings.TrimPrefix(name, "hs_"), "_", " ")
	return strings.ToUpper(words[:1]) + strings.ToLower(words[1:])
}

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

// commonProperties every type has. A line is: name, type, field type, flags (ro: read-only, calc: calculated,
// ext: external options, birth: settable on creation only, uniq: hasUniqueValue) and options behind a colon.
const commonProperties = `
hs_object_id number number ro
hs_createdate datetime date ro
hs_lastmodifieddate datetime date ro
hs_merged_object_ids enumeration checkbox ro
hs_unique_creation_key string text ro
hs_created_by_user_id number number ro
hs_updated_by_user_id number number ro
hubspot_owner_id enumeration select ext
hubspot_owner_assigneddate datetime date calc
hs_all_owner_ids enumeration checkbox calc
`

const lifecycle = ": subscriber lead marketingqualifiedlead salesqualifiedlead opportunity customer evangelist other"

// standardProperties are a working subset of the properties of the standard types; for the rest see addStandard.
var standardProperties = map[string]string{
	"contacts": `
email string text
hs_additional_emails enumeration checkbox ro
firstname string text
lastname string text
phone string phonenumber
mobilephone string phonenumber
fax string phonenumber
website string text
company string text
jobtitle string text
salutation string text
address string text
city string text
state string text
zip string text
country string text
industry string text
gender string text
date_of_birth string text
degree string text
annualrevenue string text
numemployees enumeration select : 1-5 5-25 25-50 50-100 100-500 500-1000 1000+
message string textarea
twitterhandle string text
linkedinbio string text
hs_linkedin_url string text
hs_language enumeration select : en en-gb de fr es nl nb sv da fi it pt pl ja
hs_timezone enumeration select : us_slash_eastern us_slash_pacific europe_slash_london europe_slash_oslo
lifecyclestage enumeration radio ` + lifecycle + `
hs_lead_status enumeration radio : NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING
hs_marketable_status enumeration select ro : true false
hs_legal_basis enumeration checkbox : Legitimate_interest Performance_of_contract Freely_given_consent Not_applicable
hs_buying_role enumeration checkbox : BLOCKER BUDGET_HOLDER CHAMPION DECISION_MAKER END_USER EXECUTIVE_SPONSOR INFLUENCER LEGAL_AND_COMPLIANCE OTHER
createdate datetime date birth
lastmodifieddate datetime date ro
closedate datetime date
hubspotscore number number calc
hs_email_domain string text calc
hs_calculated_phone_number string text calc
hs_calculated_merged_vids string text calc
num_associated_deals number number calc
associatedcompanyid number number ro
notes_last_updated datetime date ro
`,
	"companies": `
name string text
domain string text
website string text
phone string phonenumber
address string text
address2 string text
city string text
state string text
zip string text
country string text
description string textarea
about_us string textarea
founded_year string text
industry enumeration select : ACCOUNTING AIRLINES_AVIATION AUTOMOTIVE BANKING COMPUTER_SOFTWARE CONSTRUCTION CONSUMER_GOODS EDUCATION_MANAGEMENT FINANCIAL_SERVICES FOOD_BEVERAGES GOVERNMENT_ADMINISTRATION GOVERNMENT_RELATIONS HOSPITAL_HEALTH_CARE INFORMATION_TECHNOLOGY_AND_SERVICES INSURANCE INTERNET LEGISLATIVE_OFFICE MACHINERY MANAGEMENT_CONSULTING NON_PROFIT_ORGANIZATION_MANAGEMENT OIL_ENERGY POLITICAL_ORGANIZATION PUBLIC_POLICY REAL_ESTATE RETAIL TELECOMMUNICATIONS WHOLESALE
type enumeration radio : PROSPECT PARTNER RESELLER VENDOR OTHER
annualrevenue number number
numberofemployees number number
is_public bool booleancheckbox : true false
timezone string text
total_money_raised string text
linkedin_company_page string text
twitterhandle string text
facebook_company_page string text
lifecyclestage enumeration radio ` + lifecycle + `
hs_lead_status enumeration radio : NEW OPEN IN_PROGRESS OPEN_DEAL UNQUALIFIED ATTEMPTED_TO_CONTACT CONNECTED BAD_TIMING
createdate datetime date ro
hs_parent_company_id number number calc
hs_num_child_companies number number calc
num_associated_contacts number number calc
num_associated_deals number number calc
hs_additional_domains enumeration checkbox
hs_target_account bool booleancheckbox : true false
`,
	"deals": `
dealname string text
dealstage enumeration radio ext
pipeline enumeration select ext
amount number number
closedate datetime date
dealtype enumeration radio : newbusiness existingbusiness
description string textarea
createdate datetime date birth
deal_currency_code enumeration select : USD EUR GBP NOK SEK DKK
closed_lost_reason string textarea
closed_won_reason string textarea
hs_priority enumeration select : low medium high
hs_next_step string text
hs_forecast_amount number number calc
hs_projected_amount number calculation_equation calc
hs_deal_stage_probability number number calc
hs_is_closed bool booleancheckbox calc : true false
hs_is_closed_won bool booleancheckbox calc : true false
days_to_close number number calc
num_associated_contacts number number calc
`,
	"tickets": `
subject string text
content string textarea
hs_pipeline enumeration select ext
hs_pipeline_stage enumeration select ext
hs_ticket_priority enumeration select : LOW MEDIUM HIGH URGENT
hs_ticket_category enumeration checkbox : PRODUCT_ISSUE BILLING_ISSUE FEATURE_REQUEST GENERAL_INQUIRY
hs_external_object_ids string text
source_type enumeration select : CHAT EMAIL FORM PHONE
createdate datetime date ro
closed_date datetime date
hs_resolution string textarea
`,
	"products": `
name string text
description string textarea
price number number
hs_sku string text
hs_cost_of_goods_sold number number
hs_folder number number
hs_recurring_billing_period string text
recurringbillingfrequency enumeration select : weekly biweekly monthly quarterly per_six_months annually
hs_url string text
hs_images string text
tax number number
createdate datetime date ro
`,
	"line_items": `
name string text
description string textarea
price number number
quantity number number
amount number number calc
discount number number
hs_discount_percentage number number
hs_product_id number number
hs_sku string text
hs_external_id string text
hs_line_item_currency_code enumeration select : USD EUR GBP NOK SEK DKK
hs_position_on_quote number number
recurringbillingfrequency enumeration select : weekly biweekly monthly quarterly per_six_months annually
hs_recurring_billing_start_date date date
createdate datetime date ro
`,
	"notes": `
hs_timestamp datetime date
hs_note_body string html
hs_attachment_ids string file
`,
	"tasks": `
hs_timestamp datetime date
hs_task_subject string text
hs_task_body string html
hs_task_status enumeration select : NOT_STARTED IN_PROGRESS WAITING DEFERRED COMPLETED
hs_task_priority enumeration select : NONE LOW MEDIUM HIGH
hs_task_type enumeration select : TODO CALL EMAIL
hs_task_is_overdue bool booleancheckbox calc : true false
`,
	"calls": `
hs_timestamp datetime date
hs_call_title string text
hs_call_body string html
hs_call_duration number number
hs_call_direction enumeration select : INBOUND OUTBOUND
hs_call_status enumeration select : BUSY CALLING_CRM_USER CANCELED COMPLETED CONNECTING FAILED IN_PROGRESS NO_ANSWER QUEUED RINGING
hs_call_from_number string phonenumber
hs_call_to_number string phonenumber
`,
	"meetings": `
hs_timestamp datetime date
hs_meeting_title string text
hs_meeting_body string html
hs_meeting_location string text
hs_meeting_start_time datetime date
hs_meeting_end_time datetime date
hs_meeting_outcome enumeration select : SCHEDULED COMPLETED RESCHEDULED NO_SHOW CANCELED
`,
	"emails": `
hs_timestamp datetime date
hs_email_direction enumeration select : EMAIL INCOMING_EMAIL FORWARDED_EMAIL
hs_email_subject string text
hs_email_text string textarea
hs_email_html string html
hs_email_status enumeration select : BOUNCED FAILED SCHEDULED SENDING SENT
hs_email_headers string text
`,
	"communications": `
hs_timestamp datetime date
hs_communication_body string html
hs_communication_channel_type enumeration select : WHATS_APP LINKEDIN_MESSAGE SMS
hs_communication_logged_from enumeration select : CRM
`,
	"leads": `
hs_lead_name string text
hs_lead_type enumeration select : NEW_BUSINESS UPSELL RE_ATTEMPTING
hs_lead_label enumeration select : HOT WARM COLD
hs_pipeline enumeration select ext
hs_pipeline_stage enumeration select ext
`,
	"orders": `
hs_order_name string text
hs_total_price number number
hs_currency_code enumeration select : USD EUR GBP NOK SEK DKK
hs_external_order_id string text
hs_fulfillment_status string text
hs_order_note string textarea
hs_pipeline enumeration select ext
hs_pipeline_stage enumeration select ext
`,
}

var defaultReads = map[string]string{
	"contacts":  "createdate email firstname hs_object_id lastmodifieddate lastname",
	"companies": "createdate domain hs_lastmodifieddate hs_object_id name",
	"deals":     "amount closedate createdate dealname dealstage hs_lastmodifieddate hs_object_id pipeline",
	"tickets":   "content createdate hs_lastmodifieddate hs_object_id hs_pipeline hs_pipeline_stage hs_ticket_priority subject",
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

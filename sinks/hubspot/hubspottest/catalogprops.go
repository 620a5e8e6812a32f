package hubspottest

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

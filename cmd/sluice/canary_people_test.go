package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// personal finds values of rows: each of them names its column and its row, as in qzphone3x. Any letters instead of a column's
// name would be found in tokens drawn by chance too.
var personal = regexp.MustCompile(`(?i)qz(?:` + strings.Join(personalColumns, "|") + `)[0-9]+x`)

// columns of the people whom the pipelines write, all of them personal.
var personalColumns = strings.Fields("email firstname lastname phone mobilephone address city zip company jobtitle website salutation fax born grade")

// persons returns the rows of the source. Some can't be written, each because of one value: an address that HubSpot refuses, a
// date and a number that are none, an address that another row has, a row with a field too few, one without a key.
func persons() string {
	var b strings.Builder
	b.WriteString("id," + strings.Join(personalColumns, ",") + "\n")
	for row := 1; row <= 7; row++ {
		id := strconv.Itoa(row)
		values := []string{id}
		for _, column := range personalColumns {
			value := "qz" + column + id + "x"
			switch column {
			case "email":
				value += "@example.com"
			case "website":
				value = "https://" + value + ".example"
			case "born":
				value = ""
			case "grade":
				value = "7"
			}
			values = append(values, value)
		}
		switch row {
		case 2:
			values[1] = "qzemail2x"
		case 3:
			values[slices.Index(personalColumns, "born")+1] = "qzborn3x"
		case 4:
			values[slices.Index(personalColumns, "grade")+1] = "qzgrade4x"
		case 5:
			values[1] = "qzemail1x@example.com"
		case 6:
			values = values[:len(values)-1]
		case 7:
			values[0] = ""
		}
		b.WriteString(strings.Join(values, ",") + "\n")
	}
	return b.String()
}

// offending are the values that keep a row of people from being written: dead letters may name them, and nothing else may.
var offending = []string{"qzemail2x", "qzborn3x", "qzgrade4x", "qzemail1x"}

const canaryPipeline = `version: 1
state: "${SLUICE_STATE_URL}"
connections:
  warehouse:
    postgres: { url: "${WAREHOUSE_URL:-postgres://reader@127.0.0.1:1/none}" }
  crm:
    hubspot: { access_token: "${HUBSPOT_ACCESS_TOKEN}", base_url: "${HUBSPOT_BASE_URL}", timeout: 1s, landing: 50ms }
pipelines:
  people:
    source:
      csv: { path: people.csv }
    key: id
    transforms:
      - map: { person_id: id, email: email, firstname: firstname, lastname: lastname, phone: phone, mobilephone: mobilephone, address: address,
               city: city, zip: zip, company: company, jobtitle: jobtitle, website: website, salutation: salutation, fax: fax, born: born,
               score: { expr: 'int(grade)' } }
    sink:
      hubspot: { connection: crm, object: contacts, match: person_id }
`

// say answers with a JSON error of HubSpot's.
func say(w http.ResponseWriter, status int, category, message string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "error", "category": category, "message": message, "correlationId": "0"})
	return true
}

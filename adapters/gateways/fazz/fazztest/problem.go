package fazztest

import "net/http"

// The codes of errors: strings, with their zeros.
const (
	internal     = "001"
	accessDenied = "002"
	unsupported  = "003"
	notFound     = "004"
	invalid      = "005"
	unavailable  = "010"
	outOfRange   = "TXN0002"
)

// codes are their titles, and the HTTP statuses that we chose: Fazz publishes
// only that 4xx is the client's fault and 5xx its own.
var codes = map[string]struct {
	title  string
	status int
}{
	internal:     {"Internal server error", http.StatusInternalServerError},
	accessDenied: {"Access denied", http.StatusUnauthorized},
	unsupported:  {"Feature not supported", http.StatusForbidden},
	notFound:     {"Record not found", http.StatusNotFound},
	invalid:      {"Invalid parameters", http.StatusBadRequest},
	unavailable:  {"Temporarily unavailable", http.StatusServiceUnavailable},
	outOfRange:   {"Amount is outside the limits", http.StatusBadRequest},
}

// problem is something wrong with a request; its detail names the field.
type problem struct{ code, detail string }

type errorBody struct {
	Errors []errorEntry `json:"errors"`
}

type errorEntry struct {
	Code   string `json:"code"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// refuse answers with all that is wrong; the first decides the status.
func refuse(problems ...problem) reply {
	a := reply{status: codes[problems[0].code].status}
	var body errorBody
	for _, p := range problems {
		body.Errors = append(body.Errors, errorEntry{p.code, codes[p.code].title, p.detail})
	}
	a.body = body
	return a
}

func wrongMethod(allowed string) reply {
	a := refuse(problem{unsupported, "the method is not allowed here"})
	a.status, a.header = http.StatusMethodNotAllowed, [2]string{"Allow", allowed}
	return a
}

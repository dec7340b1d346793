package midtranstest

import (
	"fmt"
	"net/http"
	"time"
)

// toPage leads from an address of a charge's answer to the page on which a
// person can pay it.
func (s *Server) toPage(w http.ResponseWriter, r *http.Request) {
	var token string
	_ = s.change(func(time.Time) error { // it only reads
		if t := s.state.transactions[r.PathValue("id")]; t != nil {
			token = t.Token
		}
		return nil
	})
	if token == "" {
		noRoute(w, r)
		return
	}
	http.Redirect(w, r, s.pagePath(token), http.StatusSeeOther)
}

// qrPicture is the picture of a QR code. Like that of the page it holds no
// data.
func (s *Server) qrPicture(w http.ResponseWriter, r *http.Request) {
	known := false
	_ = s.change(func(time.Time) error { // it only reads
		known = s.state.transactions[r.PathValue("id")] != nil
		return nil
	})
	if !known {
		noRoute(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 29 29" shape-rendering="crispEdges"><path fill="#fff" d="M-2-2h29v29h-29z"/><path d="%s"/></svg>`,
		picture(r.PathValue("id"))) // a browser that has gone cannot be told
}

// qrText is what the QR code of a transaction says: of the form that EMVCo
// and QRIS prescribe, with its checksum, for nobody's account.
func qrText(t *Transaction) string {
	tag := func(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len(value), value) }
	account := tag("00", "COM.LUNASPAY.SIMULATED") + tag("01", t.ID[:8])
	text := tag("00", "01") + tag("01", "12") + tag("26", account) + tag("52", "5399") + tag("53", "360") +
		tag("54", fmt.Sprint(t.Amount())) + tag("58", "ID") + tag("59", "SIMULATED SHOP") + tag("60", "JAKARTA") + "6304"
	return text + fmt.Sprintf("%04X", crc16(text))
}

// crc16 is CRC-16/CCITT-FALSE, the checksum of EMVCo's codes.
func crc16(text string) uint16 {
	crc := uint16(0xFFFF)
	for i := range len(text) {
		crc ^= uint16(text[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// multiStatus is GET /v2/{id}/status/b2b: all transactions of an order, the
// newest first.
func (s *Server) multiStatus(r *http.Request, _ []byte) reply {
	var out reply
	err := s.change(func(time.Time) error {
		o := s.state.orders[r.PathValue("id")]
		if o == nil || o.last() == nil {
			out = notFound()
			return nil
		}
		var list []any
		for i := len(o.Transactions) - 1; i >= 0; i-- {
			t := o.Transactions[i]
			list = append(list, s.body(t, lookUpCode(t), "Success, transaction is found"))
		}
		out = answer(http.StatusOK, map[string]any{
			"status_code": "200", "status_message": "Success, transactions are retrieved", "transactions": list,
		})
		return nil
	})
	if err != nil {
		return coreInternal()
	}
	return out
}

package payments

import "time"

// InstructionKind says what the payer is to do. A kind that a program does not
// know is best shown as KindRedirect, or as text.
type InstructionKind string

// The kinds of instructions, with the fields that each one fills.
const (
	KindVirtualAccount InstructionKind = "virtual_account" // Bank, VANumber: transfer to the number
	KindBill           InstructionKind = "bill"            // Bank, BillerCode, BillKey: pay the bill
	KindQR             InstructionKind = "qr"              // QR, or QRImageURL: scan the code
	KindApp            InstructionKind = "app"             // Deeplink, maybe QRImageURL: open the app
	KindPush           InstructionKind = "push"            // Phone: confirm in the app, which rings by itself
	KindCounter        InstructionKind = "counter"         // Store, Code: pay at the counter
	KindRedirect       InstructionKind = "redirect"        // RedirectURL: go to that page
	KindCard           InstructionKind = "card"            // RedirectURL: the card's bank asks there whether it is the holder
)

// Instructions tell the payer how to pay what a session has opened. They are
// the same for every gateway.
type Instructions struct {
	Kind InstructionKind `json:"kind"`
	// Method is the way to pay that was opened.
	Method Method `json:"method"`
	// Bank is in lower case: "bca", "mandiri".
	Bank       string `json:"bank,omitempty"`
	VANumber   string `json:"va_number,omitempty"`
	BillerCode string `json:"biller_code,omitempty"`
	BillKey    string `json:"bill_key,omitempty"`
	// QR is what the QR code says (EMV text, QRIS): draw it yourself, so that
	// your page needs nobody's image. QRImageURL is the gateway's picture, for
	// gateways that do not tell the text.
	QR         string `json:"qr,omitempty"`
	QRImageURL string `json:"qr_image_url,omitempty"`
	// Deeplink opens the payer's app on a phone; it may be no web address
	// (gojek://…).
	Deeplink    string `json:"deeplink,omitempty"`
	RedirectURL string `json:"redirect_url,omitempty"`
	Phone       string `json:"phone,omitempty"`
	// Store is in lower case: "indomaret".
	Store string `json:"store,omitempty"`
	Code  string `json:"code,omitempty"`
	// Amount is what to pay, with a fee that the gateway adds.
	Amount Money `json:"amount"`
	// ExpiresAt is when the gateway closes it; zero if it did not say.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// leadNowhere: the answer with the address was lost, and a look-up does not
// tell it again. Nobody has it, so nobody can pay by it.
func (i *Instructions) leadNowhere() bool {
	return i != nil && i.VANumber+i.BillKey+i.QR+i.QRImageURL+i.Deeplink+i.RedirectURL+i.Phone+i.Code == ""
}

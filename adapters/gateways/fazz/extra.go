package fazz

// Extra is what a payment takes beyond the order: pass it as the extra options
// of a checkout. Names in JSON are Fazz's, where it has one. All of it is
// optional; what is unset is derived from the order where it can be. Only the
// options of the method's own channel are sent. Unknown names are refused.
type Extra struct {
	// DisplayName is what the payer sees at the machine or the cashier: at most
	// 20 letters, digits and spaces. Fazz's own limit is not published; this is
	// the narrowest one in use. Default: Config.DisplayName, else the payer's
	// name, cut to that. E-wallets have none.
	DisplayName string `json:"displayName,omitempty"`
	// SuffixNo is what the number of a virtual account is to end in: 1 to 12
	// digits, the limit being assumed. It is a wish: the number given stands in
	// the instructions.
	SuffixNo string `json:"suffixNo,omitempty"`
	// Phone is the number of the payer's OVO account: 8 to 15 digits, with or
	// without a plus. Default: the order's user's. That OVO takes one, and as
	// phoneNumber, is assumed.
	Phone string `json:"phone,omitempty"`
	// Description is for the merchant's own reports: at most 255 characters, a
	// limit that is assumed. Default: the plan or the first line.
	Description string `json:"description,omitempty"`
}

// Package toygateway is a whole payments.Gateway for a provider that does not
// exist, Kopipay. It is what docs/writing-a-gateway.md walks through: small
// enough to be read in one sitting, and with nothing left out.
//
// Kopipay takes JSON under a bearer key, counts in sen (hundredths of a
// rupiah), and knows one charge per reference. The simulator of it is in
// kopitest.
package toygateway

import (
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
	"github.com/lunaspay/lunas/payments"
)

// Config is one merchant account.
type Config struct {
	// Name is the gateway's name; see payments.Gateway. Default "kopipay".
	Name string
	// APIKey authorizes calls. Required, secret.
	APIKey string
	// SigningSecret signs notifications. Required, secret: an empty one would
	// let anybody sign.
	SigningSecret string
	// OldSigningSecrets are accepted, too, while the secret is rotated.
	OldSigningSecrets []string
	// BaseURL is what /v1/charges is appended to. Required.
	BaseURL string
	// HTTPClient makes the calls. Default: one of its own.
	HTTPClient *http.Client
	// Timeout limits each try of a call. Default 15 s.
	Timeout time.Duration
	// Logger gets a debug line per call. Default: none.
	Logger *slog.Logger
}

// Gateway is a merchant account at Kopipay. It is safe for concurrent use.
type Gateway struct {
	name    string
	base    string
	secrets []string // that sign notifications
	scrub   func(string) string
	client  *gatewaykit.Client
}

var validName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// New returns the gateway of an account. It does no I/O.
func New(c Config) (*Gateway, error) {
	if c.Name == "" {
		c.Name = "kopipay"
	}
	if !validName.MatchString(c.Name) {
		return nil, errors.New("toygateway: Config.Name must be lower-case letters, digits and dashes")
	}
	signing := append([]string{c.SigningSecret}, c.OldSigningSecrets...)
	if c.APIKey == "" || slices.Contains(signing, "") {
		return nil, errors.New("toygateway: Config needs an APIKey, and a SigningSecret; none may be empty")
	}
	if !gatewaykit.IsWebURL(c.BaseURL) {
		return nil, errors.New("toygateway: Config.BaseURL must be an http or https URL")
	}
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	g := &Gateway{
		name: c.Name, base: strings.TrimRight(c.BaseURL, "/"), secrets: signing,
		scrub: gatewaykit.Scrubber(append([]string{c.APIKey}, signing...)...),
	}
	g.client = gatewaykit.NewClient(gatewaykit.Policy{
		Gateway: c.Name, HTTP: c.HTTPClient, Timeout: c.Timeout, Log: c.Logger, Scrub: g.scrub,
		Prepare:   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+c.APIKey) },
		Code:      func(a gatewaykit.Answer) string { return a.Fields.Text("problem") },
		Transient: func(a gatewaykit.Answer) bool { return a.Status == http.StatusTooManyRequests || a.Status >= 500 },
	})
	return g, nil
}

// Name implements payments.Gateway.
func (g *Gateway) Name() string { return g.name }

// channel is a way to pay as Kopipay has it.
type channel struct {
	payments.MethodInfo
	word string // Kopipay's name of it
}

// The methods have the names that every gateway of Lunas gives them, so that a
// router can choose among gateways. Kopipay's own names are aliases.
var channels = []channel{
	{payments.MethodInfo{
		Method: "qris", Aliases: []payments.Method{"qr"}, Name: "QRIS", Kind: payments.KindQR,
		Min: payments.IDR(100), Max: payments.IDR(10_000_000), ExpirySeconds: 15 * 60,
		Can: payments.Capabilities{Cancel: true, Expire: true, Refund: true, PartialRefund: true},
	}, "qr"},
	{payments.MethodInfo{
		Method: "bank_transfer/bca", Aliases: []payments.Method{"account_bca"}, Name: "BCA Virtual Account", Kind: payments.KindVirtualAccount,
		Min: payments.IDR(10_000), Max: payments.IDR(500_000_000), ExpirySeconds: 24 * 60 * 60,
		Can: payments.Capabilities{Cancel: true, Expire: true}, // a transfer has no way back
	}, "account_bca"},
}

// Methods implements payments.MethodLister.
func (g *Gateway) Methods() []payments.MethodInfo {
	list := make([]payments.MethodInfo, len(channels))
	for i, ch := range channels {
		list[i] = ch.MethodInfo
		list[i].Aliases = slices.Clone(ch.Aliases) // the caller's to change
	}
	return list
}

// NeedsMethod implements payments.MethodChooser: Kopipay has no page on which
// the payer could choose.
func (g *Gateway) NeedsMethod() bool { return true }

// channelBy finds a channel by any of its names; Kopipay's own is an alias.
func channelBy(m payments.Method) (channel, bool) {
	i := slices.IndexFunc(channels, func(ch channel) bool { return ch.Method == m || slices.Contains(ch.Aliases, m) })
	if i < 0 {
		return channel{}, false
	}
	return channels[i], true
}

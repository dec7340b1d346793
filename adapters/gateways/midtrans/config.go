package midtrans

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lunaspay/lunas/adapters/gateways/gatewaykit"
)

// Config is one merchant account. Its keys never appear in its own text
// form, in errors, in logs or in kept messages.
type Config struct {
	// Name is the gateway's name; see payments.Gateway. Default "midtrans".
	Name string
	// ServerKey authorizes calls and signs notifications. Required. Secret.
	ServerKey string
	// OldServerKeys are accepted in signatures of notifications, too, while
	// the key is rotated. Calls never use them.
	OldServerKeys []string
	// ClientKey is for snap.js in the browser. Not a secret; optional.
	ClientKey string
	// Production selects the production hosts; false selects the sandbox.
	Production bool
	// SnapURL and CoreURL are the bases to which /snap/v1/… and /v2/… are
	// appended. Default: https://app.midtrans.com and
	// https://api.midtrans.com, or their .sandbox twins. Plain http is for
	// loopback addresses and the sandbox only.
	SnapURL, CoreURL string
	// HTTPClient makes the calls. Default: one of its own. Redirects are
	// never followed, whatever its CheckRedirect says.
	HTTPClient *http.Client
	// Timeout limits each call. Default 15 s.
	Timeout time.Duration
	// TrustNotifications reports notifications as payments.ProofWhole, so
	// the core believes them without asking Midtrans. The risk: the
	// signature leaves out the transaction status, the fraud status and the
	// refunds. Whoever has seen one genuine message of an order, say its
	// settlement, can forge another under the same signature, say its refund;
	// and a deny, a cancel and an expiry share one, too.
	TrustNotifications bool
	// OnGoPayAccount is told of an account that was linked or unlinked (see
	// [Gateway.LinkGoPay]), as Midtrans says it is when it is asked. Set the
	// dashboard's Pay Account Notification URL to this gateway's route. It is
	// called at least once, and again after an error. Optional.
	OnGoPayAccount func(ctx context.Context, account GoPayAccount) error
	// OnSavedCard is told of the token of a card that the payer let be saved
	// (CardCharge.SaveTokenID, CreditCard.SaveCard): what is kept of messages
	// does not hold it. It is called at least once, and again after an error.
	// Optional.
	OnSavedCard func(ctx context.Context, card SavedCard) error
	// Logger gets a debug line per call and a warning per repeated one.
	// Default: none.
	Logger *slog.Logger
}

const (
	defaultName    = "midtrans"
	defaultTimeout = 15 * time.Second
)

func (c *Config) setDefaults() {
	environment := ".sandbox"
	if c.Production {
		environment = ""
	}
	if c.Name == "" {
		c.Name = defaultName
	}
	if c.SnapURL == "" {
		c.SnapURL = "https://app" + environment + ".midtrans.com"
	}
	if c.CoreURL == "" {
		c.CoreURL = "https://api" + environment + ".midtrans.com"
	}
	c.SnapURL, c.CoreURL = strings.TrimRight(c.SnapURL, "/"), strings.TrimRight(c.CoreURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	c.OldServerKeys = slices.Clone(c.OldServerKeys)
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

var validName = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

// validate checks a Config with its defaults set. Its errors are one line
// each and never show a key.
func (c *Config) validate() error {
	if !validName.MatchString(c.Name) {
		return errors.New("midtrans: Config.Name must be lower-case letters, digits and dashes")
	}
	if err := c.checkServerKey("ServerKey", c.ServerKey); err != nil {
		return err
	}
	for i, key := range c.OldServerKeys {
		if err := c.checkServerKey(fmt.Sprintf("OldServerKeys[%d]", i), key); err != nil {
			return err
		}
	}
	if strings.Contains(c.ClientKey, "-server-") {
		return errors.New("midtrans: Config.ClientKey holds a server key, which browsers must never see")
	}
	if c.ClientKey != "" && isSandboxKey(c.ClientKey) != isSandboxKey(c.ServerKey) {
		return errors.New("midtrans: Config.ClientKey and Config.ServerKey are of different environments")
	}
	if err := c.checkURL("SnapURL", c.SnapURL); err != nil {
		return err
	}
	if err := c.checkURL("CoreURL", c.CoreURL); err != nil {
		return err
	}
	if c.Timeout < 0 {
		return errors.New("midtrans: Config.Timeout is negative")
	}
	return nil
}

// isSandboxKey tells by the prefix. It is certain only if true: newer sandbox
// accounts have keys without it.
func isSandboxKey(key string) bool { return strings.HasPrefix(key, "SB-") }

func (c *Config) checkServerKey(field, key string) error {
	switch {
	case key == "":
		// An empty key would let anybody sign.
		return fmt.Errorf("midtrans: Config.%s is empty", field)
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == ':' }):
		return fmt.Errorf("midtrans: Config.%s holds a blank or another character that no key has", field)
	case strings.Contains(key, "-client-"):
		return fmt.Errorf("midtrans: Config.%s holds a client key", field)
	case c.Production && isSandboxKey(key):
		return fmt.Errorf("midtrans: Config.%s is a sandbox key (SB-…), but Config.Production is set", field)
	}
	return nil
}

func (c *Config) checkURL(field, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("midtrans: Config.%s is not an http or https URL", field)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fmt.Errorf("midtrans: Config.%s must have no user, query or fragment", field)
	case u.Scheme == "http" && c.Production && !gatewaykit.IsLoopback(u.Hostname()):
		return fmt.Errorf("midtrans: Config.%s must be https in production: each call carries the server key", field)
	}
	return nil
}

// Format prints the Config without its keys, whatever the verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "midtrans.Config("+c.Name+")")
}

// LogValue logs the Config without its keys.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

package fazz

import (
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
	// Name is the gateway's name; see payments.Gateway. Default "fazz".
	Name string
	// APIKey and SecretKey authorize calls: the dashboard shows them as a
	// pair, beginning with test_ in the sandbox and with live_ in production.
	// Required. SecretKey is secret.
	APIKey, SecretKey string
	// SigningSecret is the callback URL's, as the dashboard shows it: all of
	// it, with its "ss_". Required. Secret.
	SigningSecret string
	// OldSigningSecrets are accepted in signatures, too, while the secret is
	// rotated.
	OldSigningSecrets []string
	// Production selects the live host; false selects the sandbox.
	Production bool
	// BaseURL is what /payments is appended to. Default:
	// https://id.xfers.com/api/v4, or https://sandbox-id.xfers.com/api/v4.
	// Plain http is for loopback addresses and the sandbox only.
	BaseURL string
	// DisplayName is what payers see at the machine or the cashier, at most 20
	// letters, digits and spaces. Default: the payer's name, cut to that. An
	// [Extra] may set another.
	DisplayName string
	// HTTPClient makes the calls. Default: one of its own. Redirects are never
	// followed, whatever its CheckRedirect says.
	HTTPClient *http.Client
	// Timeout limits each call. Default 15 s.
	Timeout time.Duration
	// TrustNotifications reports callbacks as payments.ProofWhole, so the core
	// believes them without asking Fazz. The signature covers the whole body,
	// but no time: a callback that was recorded can be sent again, and says
	// then what was true once. That adds no fact, so the risk is small.
	TrustNotifications bool
	// Logger gets a debug line per call and a warning per repeated one.
	// Default: none.
	Logger *slog.Logger
}

const (
	defaultName    = "fazz"
	defaultTimeout = 15 * time.Second
)

func (c *Config) setDefaults() {
	if c.Name == "" {
		c.Name = defaultName
	}
	if c.BaseURL == "" {
		c.BaseURL = "https://sandbox-id.xfers.com/api/v4"
		if c.Production {
			c.BaseURL = "https://id.xfers.com/api/v4"
		}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.HTTPClient == nil {
		c.HTTPClient = &http.Client{}
	}
	c.OldSigningSecrets = slices.Clone(c.OldSigningSecrets)
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

var (
	validName        = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)
	validDisplayName = regexp.MustCompile(`^[A-Za-z0-9 ]{0,20}$`)
)

// validate checks a Config with its defaults set. Its errors are one line
// each and never show a key.
func (c *Config) validate() error {
	if !validName.MatchString(c.Name) {
		return errors.New("fazz: Config.Name must be lower-case letters, digits and dashes")
	}
	if !validDisplayName.MatchString(c.DisplayName) {
		return errors.New("fazz: Config.DisplayName must be at most 20 letters, digits and spaces")
	}
	for _, key := range []struct{ field, value string }{{"APIKey", c.APIKey}, {"SecretKey", c.SecretKey}} {
		if err := checkKey(key.field, key.value); err != nil {
			return err
		}
		if wrong := map[bool]string{true: "test_", false: "live_"}[c.Production]; strings.HasPrefix(key.value, wrong) {
			return fmt.Errorf("fazz: Config.%s is of the other environment (%s…): see Config.Production", key.field, wrong)
		}
	}
	if err := checkKey("SigningSecret", c.SigningSecret); err != nil {
		return err
	}
	for i, secret := range c.OldSigningSecrets {
		if err := checkKey(fmt.Sprintf("OldSigningSecrets[%d]", i), secret); err != nil {
			return err
		}
	}
	if c.Timeout < 0 {
		return errors.New("fazz: Config.Timeout is negative")
	}
	return c.checkURL()
}

func checkKey(field, key string) error {
	switch {
	case key == "":
		// An empty secret would let anybody sign.
		return fmt.Errorf("fazz: Config.%s is empty", field)
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return fmt.Errorf("fazz: Config.%s holds a blank or another character that no key has", field)
	case field == "APIKey" && strings.Contains(key, ":"):
		return errors.New("fazz: Config.APIKey holds a colon, which HTTP Basic cannot carry")
	}
	return nil
}

func (c *Config) checkURL() error {
	u, err := url.Parse(c.BaseURL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return errors.New("fazz: Config.BaseURL is not an http or https URL")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return errors.New("fazz: Config.BaseURL must have no user, query or fragment")
	case u.Scheme == "http" && c.Production && !gatewaykit.IsLoopback(u.Hostname()):
		return errors.New("fazz: Config.BaseURL must be https in production: each call carries the keys")
	}
	return nil
}

// Format prints the Config without its keys, whatever the verb.
func (c Config) Format(s fmt.State, _ rune) {
	_, _ = io.WriteString(s, "fazz.Config("+c.Name+")")
}

// LogValue logs the Config without its keys.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

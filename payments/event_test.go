package payments

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// goldenEvents holds one event of each kind with every field set. Their JSON
// is in testdata/events; hosts have it in their databases and queues, so a
// field may be added there and nothing else may change. UPDATE_GOLDEN=1
// writes the files anew.
func goldenEvents() map[EventKind]eventBody {
	about := About{Gateway: "midtrans", TransactionID: "9aed5972-5b6a-401e-894b-a32c91ed1a3a", Method: "bank_transfer/bca"}
	claim := Claim{
		Tenant: "t1", UserID: "u1", PlanKey: "pro",
		Start: wib(time.January, 31), End: wib(time.February, 28),
	}
	return map[EventKind]eventBody{
		EventCreated:        &Created{},
		EventRouted:         &Routed{Gateway: "fazz", Ref: "r-2", Method: "qris", Reason: "qris"},
		EventPending:        &Pending{About: about},
		EventAuthorized:     &Authorized{About: about},
		EventChallenged:     &Challenged{About: about},
		EventDenied:         &Denied{About: about, Cause: "failure"},
		EventCanceled:       &Canceled{About: about, Cause: "void"},
		EventExpired:        &Expired{About: about},
		EventSettled:        &Settled{About: about, Amount: IDR(ordered), PaidAt: firstNews, Claim: &claim},
		EventOverpaid:       &Overpaid{About: about, Amount: IDR(ordered), PaidAt: firstNews},
		EventFundsAvailable: &FundsAvailable{About: about, Amount: IDR(ordered)},
		EventRefunded: &Refunded{
			About: about, Amount: IDR(70_000), Total: IDR(ordered), Full: true, Cause: "refund", Keys: []string{"r1"},
		},
		EventRefundSucceeded:    &RefundSucceeded{About: about, Key: "r1", Amount: IDR(70_000)},
		EventRefundFailed:       &RefundFailed{About: about, Key: "r1", Amount: IDR(70_000), Reason: "412"},
		EventChargedBack:        &ChargedBack{About: about, Full: true, Amount: IDR(ordered)},
		EventChargebackReversed: &ChargebackReversed{About: about, Amount: IDR(ordered)},
		EventReview:             &Review{About: about, Cause: "amount", Paid: IDR(90_000)},
		EventLinkOverLimit:      &LinkOverLimit{Use: 3, Limit: 2},
		EventRenewalDue:         &RenewalDue{Step: 1, EndsAt: wib(time.February, 28)},
		EventRenewed:            &Renewed{Claim: claim},
		EventRenewalFailed:      &RenewalFailed{Reason: "411", Interval: 3, Final: true},
		EventClaimGranted:       &ClaimGranted{Claim: claim},
		EventClaimExtended:      &ClaimExtended{Claim: claim},
		EventClaimRevoked:       &ClaimRevoked{Claim: claim, OldEnd: wib(time.March, 31)},
		EventClaimExpired:       &ClaimExpired{Claim: claim},
	}
}

func goldenFile(kind EventKind) string {
	return filepath.Join("testdata", "events", string(kind)+".v"+itoa(eventVersion)+".json")
}

func encoded(t *testing.T, body eventBody) []byte {
	t.Helper()
	body.setThen(Totals{Status: StatusSettled, In: IDR(ordered), Refunded: IDR(0), ChargedBack: IDR(0), Net: IDR(ordered), Live: IDR(ordered)})
	data, err := json.MarshalIndent(body, "", "  ")
	require.NoError(t, err)
	return append(data, '\n')
}

func TestEventsKeepTheirShape(t *testing.T) {
	t.Parallel()
	for kind, body := range goldenEvents() {
		data := encoded(t, body)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			require.NoError(t, os.WriteFile(goldenFile(kind), data, 0o644))
		}
		want, err := os.ReadFile(goldenFile(kind))
		require.NoError(t, err)
		require.Equal(t, string(want), string(data), "%s: old events could not be read any more", kind)
	}
}

// No kind may be forgotten above, and no file left behind.
func TestEveryKindOfEventIsPinned(t *testing.T) {
	t.Parallel()
	golden := goldenEvents()
	declared := 0
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok {
			kind, err := strconv.Unquote(value.Value)
			require.NoError(t, err)
			require.Contains(t, golden, EventKind(kind))
			declared++
		}
		return true
	})
	require.Equal(t, len(golden), declared)
	files, err := filepath.Glob(filepath.Join("testdata", "events", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, len(golden))
}

// requireDecodes reads the golden event of a kind back and compares.
func requireDecodes[E any](t *testing.T, kind EventKind) {
	t.Helper()
	data, err := os.ReadFile(goldenFile(kind))
	require.NoError(t, err)
	e := Event{
		ID: "P1-7", PaymentID: "P1", Kind: kind, Version: 1, Seq: 7, At: firstNews, Data: data,
		Order: Order{ID: "P1", User: EndUser{ID: "u1"}}, Now: Totals{Status: StatusRefunded},
	}
	got, err := Decode[E](e)
	require.NoError(t, err)

	want := goldenEvents()[kind]
	_ = encoded(t, want) // sets Then
	meta := reflect.ValueOf(want).Elem().FieldByName("EventMeta").Addr().Interface().(*EventMeta)
	meta.EventID, meta.Seq, meta.At, meta.Order, meta.Now = e.ID, e.Seq, e.At, e.Order, e.Now
	require.Equal(t, want, any(&got), "%s", kind)
}

func TestEventsAreReadBack(t *testing.T) {
	t.Parallel()
	requireDecodes[Created](t, EventCreated)
	requireDecodes[Pending](t, EventPending)
	requireDecodes[Authorized](t, EventAuthorized)
	requireDecodes[Challenged](t, EventChallenged)
	requireDecodes[Denied](t, EventDenied)
	requireDecodes[Canceled](t, EventCanceled)
	requireDecodes[Expired](t, EventExpired)
	requireDecodes[Settled](t, EventSettled)
	requireDecodes[Overpaid](t, EventOverpaid)
	requireDecodes[FundsAvailable](t, EventFundsAvailable)
	requireDecodes[Refunded](t, EventRefunded)
	requireDecodes[RefundSucceeded](t, EventRefundSucceeded)
	requireDecodes[RefundFailed](t, EventRefundFailed)
	requireDecodes[ChargedBack](t, EventChargedBack)
	requireDecodes[ChargebackReversed](t, EventChargebackReversed)
	requireDecodes[Review](t, EventReview)
	requireDecodes[LinkOverLimit](t, EventLinkOverLimit)
	requireDecodes[RenewalDue](t, EventRenewalDue)
	requireDecodes[Renewed](t, EventRenewed)
	requireDecodes[RenewalFailed](t, EventRenewalFailed)
	requireDecodes[ClaimGranted](t, EventClaimGranted)
	requireDecodes[ClaimExtended](t, EventClaimExtended)
	requireDecodes[ClaimRevoked](t, EventClaimRevoked)
	requireDecodes[ClaimExpired](t, EventClaimExpired)
}

func TestEventsOfALaterVersionAreRefused(t *testing.T) {
	t.Parallel()
	_, err := Decode[Settled](Event{Kind: EventSettled, ID: "P1-1", Version: eventVersion + 1, Data: []byte(`{}`)})
	require.ErrorIs(t, err, ErrTooNew)
	require.ErrorContains(t, err, "payment.settled P1-1")

	_, err = Decode[Settled](Event{Kind: EventSettled, ID: "P1-1", Version: eventVersion, Data: []byte(`{"amount":`)})
	require.ErrorContains(t, err, "decode payment.settled P1-1")
	require.NotErrorIs(t, err, ErrTooNew)
}

// Data is kept for ever and goes to other systems; who the payer is comes with
// the delivery and can be forgotten.
func TestEventsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	const secret = "personal"
	order := Order{
		Reference: "R-" + secret, Metadata: map[string]string{"note": secret},
		User: EndUser{ID: "u1", Name: secret + " name", Email: secret + "@example.com", Phone: secret},
	}
	for kind, body := range goldenEvents() {
		meta := reflect.ValueOf(body).Elem().FieldByName("EventMeta").Addr().Interface().(*EventMeta)
		meta.Order = order
		require.False(t, bytes.Contains(encoded(t, body), []byte(secret)), "%s", kind)
	}

	// The same of what the service really writes.
	s := newSubscriber(t, ClaimPolicy{})
	var written []Event
	tell := func(n news) {
		s.do("P1", firstNews, func(u *unit) {
			order.ID, order.Plan, order.Amount = u.p.ID, u.p.Plan, u.p.Amount
			u.p.Order = order
			u.observe(testGateway, n.told)
			change, err := u.finish()
			require.NoError(t, err)
			written = append(written, change.Events...)
			u.events = nil
		})
	}
	tell(pending("A1"))
	tell(settle("A1"))
	tell(refunded("A1", entry("r1", "", ordered)))
	require.Len(t, written, 6)
	for _, e := range written {
		require.False(t, bytes.Contains(e.Data, []byte(secret)), "%s", e.Kind)
		require.Equal(t, eventVersion, e.Version)
		require.Equal(t, EventID("P1", e.Seq), e.ID)
	}
}

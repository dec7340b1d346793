package howto_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lunaspay/lunas/adapters/gateways/fazz"
	"github.com/lunaspay/lunas/adapters/gateways/midtrans"
	"github.com/lunaspay/lunas/payments"
	"github.com/lunaspay/lunas/payments/howto"
)

func ExampleFor() {
	ways := howto.For("cstore/indomaret", "en")
	way := ways[0].Fill(payments.Instructions{Code: "25709650945026", Amount: payments.IDR(29_000)})
	fmt.Println(way.Title)
	for i, step := range way.Steps {
		fmt.Printf("%d. %s\n", i+1, step)
	}
	// Output:
	// Indomaret counter
	// 1. Go to the nearest Indomaret store.
	// 2. Tell the cashier that you want to pay an online purchase by payment code (the till may have it under the name of the payment service, such as Midtrans or Xfers).
	// 3. Show or say 25709650945026.
	// 4. Listen for the amount that the cashier names, compare it with Rp29.000, and pay.
	// 5. Keep the receipt until your order is complete.
}

func TestMethods(t *testing.T) {
	assert.Equal(t, []payments.Method{
		"akulaku",
		"bank_transfer/bca", "bank_transfer/bni", "bank_transfer/bri", "bank_transfer/bsi", "bank_transfer/cimb",
		"bank_transfer/danamon", "bank_transfer/mandiri", "bank_transfer/permata", "bank_transfer/sahabat_sampoerna", "bank_transfer/seabank",
		"bca_klikbca", "bca_klikpay", "bri_epay", "cimb_clicks", "credit_card",
		"cstore/alfamart", "cstore/indomaret",
		"dana", "danamon_online", "echannel", "gopay", "kredivo", "mandiri_clickpay", "ovo", "qris", "shopeepay", "uob_ezpay",
	}, howto.Methods())
}

// Whatever a shop can offer, the payer can be told how to use.
func TestEveryMethodHasWays(t *testing.T) {
	methods := midtrans.SnapAndCore(midtrans.Config{ServerKey: "SB-Mid-server-test"}).Methods()
	for _, m := range append(methods, fazz.New(fazz.Config{}).Methods()...) {
		assert.NotEmpty(t, howto.For(m.Method, "id"), m.Method)
	}
}

func TestBothLanguagesHaveTheSameWays(t *testing.T) {
	for _, method := range howto.Methods() {
		id, en := howto.For(method, "id"), howto.For(method, "en")
		require.NotEmpty(t, id, method)
		require.Len(t, en, len(id), method)
		for i := range id {
			assert.Equal(t, id[i].Channel, en[i].Channel, method)
			assert.Len(t, en[i].Steps, len(id[i].Steps), "%s %s", method, id[i].Title)
			assert.NotEqual(t, id[i].Steps, en[i].Steps, "%s %s", method, id[i].Title)
		}
	}
}

func TestUnknownMethods(t *testing.T) {
	for _, method := range []payments.Method{"", "bank_transfer", "bank_transfer/", "bank_transfer/none", "BANK_TRANSFER/BCA", "bca_va", "cstore"} {
		assert.Empty(t, howto.For(method, "id"), "%q", method)
	}
}

func TestLanguages(t *testing.T) {
	id, en := howto.For("gopay", "id"), howto.For("gopay", "en")
	for _, language := range []string{"id", "id-ID", "id_ID", "ID", "in", "in-ID", " id "} {
		assert.Equal(t, id, howto.For("gopay", language), "%q", language)
	}
	for _, language := range []string{"en", "en-GB", "", "-", "ide", "ind-x", "jv", "i", "id;q=0.5"} {
		assert.Equal(t, en, howto.For("gopay", language), "%q", language)
	}
}

func TestResultsAreTheCallersOwn(t *testing.T) {
	first := howto.For("bank_transfer/bca", "id")
	want, err := json.Marshal(first)
	require.NoError(t, err)

	filled := first[0].Fill(payments.Instructions{VANumber: "1"})
	filled.Steps[0] = "changed"
	unchanged, err := json.Marshal(first)
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(unchanged), "Fill changes nothing but its result")

	first[0].Title, first[0].Steps[0] = "changed", "changed"
	again, err := json.Marshal(howto.For("bank_transfer/bca", "id"))
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(again))
}

var details = payments.Instructions{
	VANumber: "812785002530231", BillerCode: "70012", BillKey: "778347787706", Code: "25709650945026",
	Amount: payments.IDR(1_500_000),
}

func TestFill(t *testing.T) {
	for method, want := range map[payments.Method][]string{
		"bank_transfer/bca":  {"812785002530231", "Rp1.500.000"},
		"echannel":           {"70012", "778347787706", "Rp1.500.000"},
		"cstore/alfamart":    {"25709650945026", "Rp1.500.000"},
		"bank_transfer/bni":  {"812785002530231"},
		"bank_transfer/cimb": {"812785002530231"},
		"qris":               {"Rp1.500.000"},
	} {
		for _, language := range []string{"id", "en"} {
			for _, way := range howto.For(method, language) {
				steps := strings.Join(way.Fill(details).Steps, "\n")
				for _, value := range want {
					assert.Contains(t, steps, value, "%s %s", method, way.Title)
				}
			}
		}
	}
}

func TestFillLeavesNoPlaceholder(t *testing.T) {
	for _, d := range []payments.Instructions{{}, details} {
		for _, method := range howto.Methods() {
			for _, language := range []string{"id", "en"} {
				for _, way := range howto.For(method, language) {
					filled := way.Fill(d)
					assert.Equal(t, way.Title, filled.Title)
					assert.Equal(t, way.Channel, filled.Channel)
					assert.Len(t, filled.Steps, len(way.Steps))
					assert.NotRegexp(t, `[{}]`, strings.Join(filled.Steps, "\n"), "%s %s", method, way.Title)
				}
			}
		}
	}
}

func TestFillSpeaksInGeneralOfWhatIsNotKnown(t *testing.T) {
	id, en := howto.For("bank_transfer/bca", "id")[0], howto.For("bank_transfer/bca", "en")[0]
	assert.Contains(t, id.Fill(payments.Instructions{}).Steps, "Masukkan nomor virtual account Anda, lalu lanjutkan.")
	assert.Contains(t, en.Fill(payments.Instructions{}).Steps, "Enter your virtual account number and continue.")
	assert.Contains(t, strings.Join(en.Fill(payments.Instructions{VANumber: "1"}).Steps, "\n"), "the amount of your order")
}

// A value is text, whatever it looks like.
func TestFillDoesNotFillValues(t *testing.T) {
	way := howto.For("bank_transfer/bca", "en")[0].Fill(payments.Instructions{VANumber: "{amount}", Amount: payments.IDR(5)})
	assert.Contains(t, way.Steps, "Enter {amount} and continue.")
}

func TestJSON(t *testing.T) {
	data, err := json.Marshal(howto.For("bank_transfer/seabank", "en")[0].Fill(details))
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, "mobile_banking", got["channel"])
	assert.Equal(t, "SeaBank", got["title"])
	assert.Len(t, got["steps"], 5)
	assert.Len(t, got, 3)
}

func TestConcurrentUse(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for _, method := range howto.Methods() {
				for _, way := range howto.For(method, "id") {
					way.Fill(details)
				}
			}
		})
	}
	group.Wait()
}

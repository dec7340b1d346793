package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(raw)
}

// browser starts Chromium with a window of the given size.
func browser(t *testing.T, width, height int) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("chromium is missing")
		}
		t.Skip("chromium is not installed (Debian: apt-get install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(width, height),
		chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank")), "the browser starts")
	return ctx
}

// picture keeps a screenshot where LUNAS_SCREENSHOTS says.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("LUNAS_SCREENSHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600))
}

// text waits until the page says want, reloading it while it does not.
func text(t *testing.T, ctx context.Context, url, want string) string {
	t.Helper()
	var body string
	require.Eventually(t, func() bool {
		if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
			return false
		}
		var err error
		body, err = chromedp.Run(ctx, chromedp.Text("//body"))
		return err == nil && strings.Contains(body, want)
	}, 2*time.Minute, 100*time.Millisecond, "the page says %q", want)
	return body
}

// visible waits for an element.
func visible(t *testing.T, ctx context.Context, xpath string) {
	t.Helper()
	step, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Do(step, chromedp.WaitVisible(xpath)), xpath)
}

func click(t *testing.T, ctx context.Context, xpath string) {
	t.Helper()
	step, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Do(step, chromedp.WaitVisible(xpath), chromedp.Click(xpath)), xpath)
}

// payOnDashboard waits until the simulator has taken it: whoever leaves the page
// sooner may take the click back.
func payOnDashboard(t *testing.T, ctx context.Context) {
	t.Helper()
	click(t, ctx, `//button[@value="pay"]`)
	step, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	require.NoError(t, chromedp.Do(step, chromedp.WaitNotPresent(`//button[@value="pay"]`)))
}

// The newcomer's story: buy a plan, choose a way to pay, the process is
// killed, started again and killed once more right after the money came; the
// plan is granted, and every hook has run once.
func TestANewcomerBuysAPlanWhileTheProcessDies(t *testing.T) {
	for _, size := range []struct {
		name          string
		width, height int
		dialect       string
	}{{"desktop", 1200, 900, "sqlite"}, {"phone", 390, 844, "sqlite"}, {"postgres", 1200, 900, "postgres"}} {
		t.Run(size.name, func(t *testing.T) {
			ctx := browser(t, size.width, size.height)
			shop := startShop(t, databaseFlags(t, size.dialect)...)
			shot := func(step string) { picture(t, ctx, size.name+"-"+step) }

			text(t, ctx, shop.url, "Choose a plan")
			shot("1-shop")
			click(t, ctx, `//button[contains(., "Buy Pro")]`)
			click(t, ctx, `//button[@value="bca_va"]`)
			visible(t, ctx, `//button[@value="pay"]`)
			shot("2-virtual-account")
			payPage, err := chromedp.Run(ctx, chromedp.Location())
			require.NoError(t, err)

			shop.kill()
			shop.start()
			text(t, ctx, shop.url, "pending")
			shot("3-pending-after-a-kill")

			require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(payPage)))
			click(t, ctx, `//button[@value="pay"]`)
			visible(t, ctx, `//*[contains(@class, "result")]`)
			shop.kill() // as the notification is on its way, or has just come
			shop.start()

			text(t, ctx, shop.url, "Sent a receipt")
			require.Contains(t, text(t, ctx, shop.url, "Pro until"), "yours")
			shot("4-granted")
			body := text(t, ctx, shop.url, "settled")
			require.Equal(t, 1, strings.Count(body, "Pro until"))
			require.Equal(t, 1, strings.Count(body, "Sent a receipt for Rp29.000"))
			text(t, ctx, shop.url+"/reports", "because you have Pro")
		})
	}
}

// A card that the bank refuses, then one that it takes, within one order.
func TestADeniedCardAndThenAGoodOne(t *testing.T) {
	ctx := browser(t, 390, 844)
	shop := startShop(t)
	text(t, ctx, shop.url, "Choose a plan")
	click(t, ctx, `//article[.//h2[contains(., "mug")]]//button`)
	click(t, ctx, `//a[contains(., "Credit or debit card")]`)
	visible(t, ctx, `//label[contains(., "4711")]`)
	picture(t, ctx, "card-1-choice")
	payPage, err := chromedp.Run(ctx, chromedp.Location())
	require.NoError(t, err)
	payByCard := func(number string) {
		click(t, ctx, `//label[contains(., "`+number+`")]`)
		click(t, ctx, `//button[contains(., "Pay Rp85.000")]`)
		visible(t, ctx, `//input[@name="otp"]`)
		require.NoError(t, chromedp.Do(ctx, chromedp.SendKeys(`//input[@name="otp"]`, "112233")))
		picture(t, ctx, "card-2-password")
		click(t, ctx, `//button[@value="otp"]`)
	}
	payByCard("4711")
	visible(t, ctx, `//*[contains(@class, "note")]`)
	picture(t, ctx, "card-3-denied")
	text(t, ctx, shop.url, "denied")

	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(payPage)))
	payByCard("4811")
	click(t, ctx, `//a[contains(., "Back to the shop")]`)
	body := text(t, ctx, shop.url, "Packed 1 × Lunas mug")
	require.Contains(t, body, "settled")
	picture(t, ctx, "card-5-packed")
}

// The shop's own page tells how to pay by what the Core API charges; the money
// comes, and the page says so.
func TestAVirtualAccountOnTheShopsOwnPage(t *testing.T) {
	ctx := browser(t, 390, 844)
	shop := startShop(t)
	text(t, ctx, shop.url, "Choose a plan")
	require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(`//article[.//h2[contains(., "mug")]]//select`, "bank_transfer/bca")))
	click(t, ctx, `//article[.//h2[contains(., "mug")]]//button`)
	visible(t, ctx, `//dd[contains(@class, "code")]`)
	click(t, ctx, `//summary[contains(., "ATM")]`)
	picture(t, ctx, "own-page-1-virtual-account")
	body, err := chromedp.Run(ctx, chromedp.Text("//body"))
	require.NoError(t, err)
	require.Regexp(t, `812785[0-9]{10}`, body)
	order, err := chromedp.Run(ctx, chromedp.Location())
	require.NoError(t, err)

	shop.kill()
	shop.start()
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(shop.url+"/midtrans/")))
	payOnDashboard(t, ctx)
	text(t, ctx, order, "Paid. Thank you!")
	picture(t, ctx, "own-page-2-paid")
	text(t, ctx, shop.url, "Packed 1 × Lunas mug")
}

// The same shop with Fazz instead of Midtrans, or with both: nothing but the
// flag differs.
func TestTheShopWithOtherGateways(t *testing.T) {
	ctx := browser(t, 1200, 900)
	for _, c := range []struct{ gateways, method, at string }{
		{"fazz", "cstore/alfamart", "fazz"},
		{"fazz", "qris", "fazz"},
		{"midtrans,fazz", "bank_transfer/mandiri", "fazz"}, // which Midtrans does not have
		{"fazz,midtrans", "gopay", "midtrans"},
	} {
		t.Run(c.gateways+" "+c.method, func(t *testing.T) {
			shop := startShop(t, "-gateway", c.gateways)
			shot := func(step string) {
				picture(t, ctx, strings.NewReplacer("/", "-", ",", "-").Replace(c.gateways+"-"+c.method+"-"+step))
			}
			text(t, ctx, shop.url, "Choose a plan")
			shot("1-shop")
			require.NoError(t, chromedp.Do(ctx, chromedp.SetValue(`//article[.//h2[contains(., "mug")]]//select`, c.method)))
			click(t, ctx, `//article[.//h2[contains(., "mug")]]//button`)
			visible(t, ctx, `//article[contains(@class, "pay")]//*[contains(@class, "hint")]`)
			shot("2-how-to-pay")
			order, err := chromedp.Run(ctx, chromedp.Location())
			require.NoError(t, err)

			shop.kill()
			shop.start()
			require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(shop.url+"/"+c.at+"/")))
			shot("3-simulator")
			payOnDashboard(t, ctx)
			text(t, ctx, order, "Paid. Thank you!")
			text(t, ctx, shop.url, "Packed 1 × Lunas mug")
			shot("4-packed")
		})
	}
}

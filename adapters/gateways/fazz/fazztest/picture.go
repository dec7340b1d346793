package fazztest

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// modules is how many squares a picture has on each side.
const modules = 25

// showPicture is the picture of a QRIS payment's code. It holds no data, so
// that nothing could take it for a real payment, and says so; a test can read
// the amount and the id in its text.
func (s *Server) showPicture(w http.ResponseWriter, r *http.Request) {
	id, isPicture := strings.CutSuffix(r.PathValue("file"), ".svg")
	var found *Payment
	_ = s.change(func(time.Time) error { // it only reads
		if p := s.state.byID[id]; isPicture && p != nil && p.Type == typeQRIS {
			read := *p
			found = &read
		}
		return nil
	})
	if found == nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	_, _ = w.Write([]byte(picture(found))) // a browser that has gone cannot be told
}

// picture draws what looks like a QR code, the same at every time.
func picture(p *Payment) string {
	var path strings.Builder
	for y := range modules {
		row := sha256.Sum256(fmt.Appendf(nil, "%s/%d", p.ID, y))
		for x := range modules {
			dark, fixed := corner(x, y)
			if !fixed {
				dark = row[x]&1 == 1
			}
			if dark {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 29 35" width="348" height="420">`+
		`<title>Simulated QR code of %[1]s</title><path fill="#fff" d="M-2-2h29v35h-29z"/><path fill="#14202e" shape-rendering="crispEdges" d="%[2]s"/>`+
		`<g fill="#14202e" font-family="sans-serif" text-anchor="middle"><text x="12.5" y="28.2" font-size="2" font-weight="700">%[3]s</text>`+
		`<text x="12.5" y="30.2" font-size="1.2">SIMULATED: it cannot be scanned</text><text x="12.5" y="32" font-size="1" textLength="25">%[1]s</text></g></svg>`,
		p.ID, path.String(), rupiah(p.Amount))
}

// corner reports whether a module belongs to one of the three large squares,
// with its white border, and then whether it is dark.
func corner(x, y int) (dark, belongs bool) {
	for _, centre := range [][2]int{{3, 3}, {modules - 4, 3}, {3, modules - 4}} {
		ring := max(x-centre[0], centre[0]-x, y-centre[1], centre[1]-y)
		if ring <= 4 {
			return ring <= 1 || ring == 3, true
		}
	}
	return false, false
}

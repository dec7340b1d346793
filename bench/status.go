package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// statusServing is the child that stands for Midtrans's status service. It
// says of every transaction that it is settled, at once and without looking
// anything up: what is measured is the asking, not Midtrans.
type statusServing struct{ server *http.Server }

func (s *statusServing) start(ctx context.Context) (any, error) {
	base, server, err := listen(ctx, http.HandlerFunc(answerStatus))
	if err != nil {
		return nil, err
	}
	s.server = server
	return serverReady{URL: base}, nil
}

func (s *statusServing) do(context.Context, string) (any, error) { return processorTime() }

func (s *statusServing) stop() { _ = s.server.Close() }

// answerStatus serves GET /v2/{transaction id}/status.
func answerStatus(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v2/"), "/status")
	w.Header().Set("Content-Type", "application/json")
	ref, ok := refOf(id)
	if !ok {
		_, _ = fmt.Fprint(w, `{"status_code":"404","status_message":"Transaction doesn't exist."}`)
		return
	}
	_, _ = w.Write(settlement(ref, time.Now()))
}

package kill

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/lunaspay/lunas/payments"
)

// hostRoutes are what the host's own staff and jobs do by the API of the
// module. Each may be asked again when its answer was lost. A refund that is
// written down and has no answer yet is the module's to see through, so it
// counts as done.
func hostRoutes(mux *http.ServeMux, pay *payments.Service) {
	route := func(name string, do func(context.Context, payments.ID, *http.Request) error) {
		mux.HandleFunc("POST /host/"+name+"/{id}", func(w http.ResponseWriter, r *http.Request) {
			if err := do(r.Context(), payments.ID(r.PathValue("id")), r); err != nil {
				http.Error(w, err.Error(), payments.ProblemOf(err).Status)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
	route("refund", func(ctx context.Context, id payments.ID, r *http.Request) error {
		params := payments.RefundParams{Key: r.FormValue("key"), Reason: "the host's wish"}
		if amount, err := strconv.ParseInt(r.FormValue("amount"), 10, 64); err == nil {
			params.Amount = payments.IDR(amount)
		}
		refund, err := pay.Refund(ctx, id, params)
		if refund != nil && refund.State == payments.RefundRequested {
			return nil
		}
		return err
	})
	route("cancel", func(ctx context.Context, id payments.ID, _ *http.Request) error {
		_, err := pay.Cancel(ctx, id, "the host's wish")
		return err
	})
	route("accept", func(ctx context.Context, id payments.ID, _ *http.Request) error {
		_, err := pay.Resolve(ctx, id, payments.Resolution{Verb: payments.Accept})
		if !errors.Is(err, payments.ErrWrongState) {
			return err
		}
		// It was accepted before, or is not known to be paid yet.
		if p, getErr := pay.Get(ctx, id); getErr == nil && p.Status == payments.StatusSettled {
			return nil
		}
		return err
	})
}

// status tells where an order stands by the app's own page of it.
func status(body []byte) payments.Status {
	var view struct {
		Status payments.Status `json:"status"`
	}
	if json.Unmarshal(body, &view) != nil {
		return ""
	}
	return view.Status
}

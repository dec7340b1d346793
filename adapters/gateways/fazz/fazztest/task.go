package fazztest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type taskRequest struct {
	Data struct {
		Attributes struct {
			Action  string `json:"action"`
			Options struct {
				Amount json.RawMessage `json:"amount"`
			} `json:"options"`
		} `json:"attributes"`
	} `json:"data"`
}

func parseTask(body []byte) (taskRequest, *problem) {
	var t taskRequest
	wrong := decode(body, &t)
	return t, wrong
}

// taskDone is the answer to a task: not the payment, which has to be asked for.
// Its type is a word of ours.
type taskDone struct {
	Data struct {
		Type       string `json:"type"`
		Attributes struct {
			TargetID   string `json:"targetId"`
			TargetType string `json:"targetType"`
			Action     string `json:"action"`
		} `json:"attributes"`
	} `json:"data"`
}

// task does something with a payment. Which code a wrong status has is not
// published: 005 here.
func (s *Server) task(r *http.Request, body []byte) reply {
	t, wrong := parseTask(body)
	if wrong != nil {
		return refuse(*wrong)
	}
	action := t.Data.Attributes.Action
	return s.act(r, func(p *Payment, now time.Time) reply {
		var from []string
		var to string
		switch action {
		case "cancel":
			if p.Type != typeVA {
				return refuse(problem{unsupported, "action cancel is for virtual accounts only: wait for expiredAt"})
			}
			from, to = []string{pending}, cancelled
		case "receive_payment":
			amount := string(t.Data.Attributes.Options.Amount)
			if amount != "" && amount != "null" && amount != fmt.Sprint(p.Amount) {
				return refuse(problem{invalid, "options.amount must be the amount of the payment"})
			}
			from, to = []string{pending, processing}, paid
		case "settle":
			from, to = []string{paid}, completed
		default:
			return refuse(problem{invalid, "action must be one of cancel, receive_payment, settle"})
		}
		if !p.is(from...) {
			return refuse(problem{invalid, fmt.Sprintf("action %s: the payment is %s", action, p.Status)})
		}
		s.move(p, to, now)
		var done taskDone
		done.Data.Type = "task"
		done.Data.Attributes.TargetID, done.Data.Attributes.TargetType, done.Data.Attributes.Action = p.ID, "payment", action
		return reply{status: http.StatusCreated, body: done}
	})
}

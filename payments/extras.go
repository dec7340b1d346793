package payments

import "encoding/json"

// Extras are options for several gateways, by the gateways' names: each gets
// its own, and none where there are none.
//
//	Extra: payments.Extras{"midtrans": midtrans.CoreExtra{…}, "fazz": fazz.Extra{…}}
type Extras map[string]any

// extrasKey marks Extras in what is stored.
const extrasKey = "by_gateway"

// MarshalJSON implements json.Marshaler.
func (x Extras) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]map[string]any{extrasKey: x})
}

// extraFor is a gateway's part of what was given as Extra.
func extraFor(gateway string, extra json.RawMessage) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(extra, &all) != nil || len(all) != 1 || all[extrasKey] == nil {
		return extra // for whichever gateway
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(all[extrasKey], &parts) != nil {
		return extra
	}
	return parts[gateway]
}

// checkExtras demands names of gateways.
func (s *Service) checkExtras(extra any) error {
	extras, _ := extra.(Extras)
	for name := range extras {
		if _, err := s.gateway(name); err != nil {
			return Invalid("extra."+clip(name), "is not the name of a gateway")
		}
	}
	return nil
}

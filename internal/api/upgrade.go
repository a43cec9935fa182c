package api

// Upgrade asks the server to put another program in its place.
type Upgrade struct {
	Binary string `json:"binary" minLength:"1" maxLength:"4096" pattern:"^/" doc:"path of the program on the server's machine"`
	Proxy  bool   `json:"proxy" doc:"the embedded proxy too, if it is of another version"`
}

// The phases of an upgrade.
const (
	UpgradeNone      = "none"      // none was asked for since the server started
	UpgradePreparing = "preparing" // the new program looks whether it can take over
	UpgradeSwitching = "switching" // the new server takes over
	UpgradeProxy     = "proxy"     // the new server serves, the new proxy takes over
	UpgradeDone      = "done"
	UpgradeFailed    = "failed"
)

// UpgradeStatus tells how the last upgrade goes, or went.
type UpgradeStatus struct {
	ID    string `json:"id,omitempty"`
	Phase string `json:"phase" enum:"none,preparing,switching,proxy,done,failed"`
	From  string `json:"from,omitempty" doc:"version of the server before"`
	To    string `json:"to,omitempty" doc:"version of the new one"`
	Actor string `json:"actor,omitempty" doc:"who asked for it"`
	// Server and ProxyFrom, ProxyTo tell what serves now.
	Server    string `json:"server" doc:"version of the server that answers"`
	ProxyFrom string `json:"proxyFrom,omitempty" doc:"version of the proxy before"`
	ProxyTo   string `json:"proxyTo,omitempty" doc:"version of the proxy that took over; none when it stayed"`
	Error     string `json:"error,omitempty" doc:"why it failed"`
	Hint      string `json:"hint,omitempty" doc:"what to do next"`
}

package routes

// Severity is what a code of a status or a warning means for the operator.
type Severity string

// The severities.
const (
	SeverityOK   Severity = "ok"   // as it is meant to be: nobody has to act
	SeverityWarn Severity = "warn" // worth knowing; no kernel lacks a route for it for long
	// SeverityFailure: for this a kernel lacks the route or keeps one that was
	// removed, or what the route needs is lost.
	SeverityFailure Severity = "fail"
)

// CauseInfo is one row of the table of causes and conditions.
type CauseInfo struct {
	Code     string // a Cause or a Condition
	Severity Severity
	// Reason gives a failure its class in the one error table; empty for the others.
	Reason Reason
	// Meaning is a clause without a full stop, as it stands beside a state.
	Meaning string
	// Remedy says what to do.
	Remedy string
}

// InfoOfCause returns the table's row for the code of a Cause or Condition. One
// that the table lacks (a newer agent's, say) answers with ok false and a row
// that calls it a failure: nothing is fine for being unknown.
func InfoOfCause(code string) (info CauseInfo, ok bool) {
	for _, row := range Causes() {
		if row.Code == code {
			return row, true
		}
	}
	return CauseInfo{code, SeverityFailure, NotProgrammed, "a cause that this version does not know", "See the detail, and install the same release on the device and in the nodes."}, false
}

// Causes is the closed table of causes and conditions, in the order of their constants.
func Causes() []CauseInfo {
	return []CauseInfo{
		{string(NodeStopped), SeverityOK, "", "the inventory says that the node is stopped", "Start the node when its routes are wanted; if it runs, correct its 'state' in the inventory file."},
		{string(AgentUnreachable), SeverityFailure, Unavailable, "the agent in the node cannot be reached", "'hcsroute nodes' says of each node why, and what to do. Declare a node that is to stay off 'state: stopped' in the inventory file."},
		{string(Stale), SeverityFailure, Unavailable, "the agent in the node has not reported for some time", "See whether the node is overloaded or paused; if its agent hangs, run 'systemctl restart hcsroute-agent' in the node: its routes stay in the kernel meanwhile."},
		{string(NoNodeNIC), SeverityFailure, NotProgrammed, "the node has no NIC on the port's switch, or no node is known", "List the node in the inventory file, with the MAC address and the switch of each NIC; compare with 'ip -br link' in the node and with 'hcsroute nodes -o json'."},
		{string(NICAmbiguous), SeverityFailure, NotProgrammed, "several links of the node have the NIC's MAC address", "'ip -br link' in the node lists them; give all but one another address: 'ip link set LINK address MAC'."},
		{string(KeyHeld), SeverityFailure, NotProgrammed, "another route of the node's kernel holds this destination and metric", "The detail names the other route. Where that one does not go by itself, use another metric: 'hcsroute set PORT DESTINATION --metric N'."},
		{string(LinkDown), SeverityFailure, NotProgrammed, "the NIC is down or has no carrier", "Run 'ip link set LINK up' in the node; if it has no carrier then, see to the port's switch and cable ('hcsroute interfaces')."},
		{string(NICNoAddress), SeverityFailure, NotProgrammed, "the NIC has no address yet, or none of the route's family", "Give the NIC in the node a static address of the route's family on a subnet of the port: 'ip -br address' shows those of the node, 'hcsroute interfaces' those of the port."},
		{string(IPv6Disabled), SeverityFailure, NotProgrammed, "IPv6 is switched off on the NIC, or its MTU is below 1280, which IPv6 needs", "Run 'sysctl net.ipv6.conf.LINK.disable_ipv6=0' in the node; where the MTU is below 1280, 'ip link set LINK mtu 1280', or more."},
		{string(NextHopUnreachable), SeverityFailure, NotProgrammed, "the node's kernel knows no network of the NIC that has the next hop", "Correct the NIC's addresses in the node ('ip -br address'), or the route: 'hcsroute set PORT DESTINATION --new-next-hop ADDRESS'."},
		{string(InProgress), SeverityWarn, "", "the node has not reported back yet", "Run 'hcsroute wait'; if it stays so, see 'journalctl -u hcsroute-agent' in the node."},
		{string(NotSaved), SeverityFailure, NotProgrammed, "the agent cannot save its routes in the node: what its kernel has of this would be lost by a restart", "'hcsroute nodes' says of each node why, and what to do."},
		{string(KernelRejected), SeverityFailure, NotProgrammed, "the node's kernel refused the change", "The detail has the kernel's own words: correct in the node what they name, or change the route with 'hcsroute set' or 'hcsroute remove'."},
		{string(ForeignConflict), SeverityFailure, NotProgrammed, "a route that is not ours is in the way", "The detail names the other route: take it away at what makes it, or use another metric: 'hcsroute set PORT DESTINATION --metric N'."},
		{string(OffloadFailed), SeverityFailure, NotProgrammed, "the device below the node's kernel did not take the route", "See 'journalctl -k' in the node for what the switch or smart NIC below it lacks, such as room in its table."},
		{string(NICNotStatic), SeverityFailure, NotProgrammed, "the NIC in the node has no static address", "Give the NIC in the node a static address in place of one from DHCP or a link-local one."},
		{string(OnLinkOverride), SeverityFailure, NotProgrammed, "the route would take over traffic to a directly connected network", "Remove it with 'hcsroute remove PORT DESTINATION' and use a destination outside that network, or set 'override_on_link: allow' in the service's policy."},
		{string(Shadowed), SeverityWarn, "", "another route of the node's kernel wins, so no packet takes this one", shadowedRemedy},
		{string(Shared), SeverityWarn, "", "a next hop that is not ours takes a part of the packets", sharedRemedy},
		{string(Standby), SeverityOK, "", "another custom route with a lower metric is preferred", "It takes over once the preferred one is gone; 'hcsroute set PORT DESTINATION --metric N' prefers another."},
	}
}

// These two are both conditions and warnings.
const (
	shadowedRemedy = "'hcsroute explain ADDRESS' shows which route wins; remove that one in the node, or this one if it is of no use: 'hcsroute remove PORT DESTINATION'."
	sharedRemedy   = "'ip -6 route show DESTINATION' in the node lists all next hops: take the other one away at what adds it."
)

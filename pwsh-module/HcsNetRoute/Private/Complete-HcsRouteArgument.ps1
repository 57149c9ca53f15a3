# Values for tab completion, from the live service; none when it is silent.
function Complete-HcsRouteArgument {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage.')]
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)][ValidateSet('Interface', 'Destination', 'NextHop', 'NewNextHop', 'Node', 'State', 'Family')][string]$Kind,
        [AllowEmptyString()][AllowNull()][string]$Word,
        # The parameters given before the one to complete.
        $Given = @{}
    )
    $Word = "$Word".Trim('"', "'")
    $filter = @{ ErrorAction = 'Ignore'; WarningAction = 'Ignore' }
    # A new next hop is one of the port's, wherever the others lead.
    $names = switch ($Kind) { 'Destination' { 'InterfaceAlias' } 'NextHop' { 'InterfaceAlias', 'DestinationPrefix' } 'NewNextHop' { 'InterfaceAlias' } }
    foreach ($name in $names) {
        if ($Given -and $Given[$name]) { $filter[$name] = $Given[$name] }
    }
    $found = try {
        switch ($Kind) {
            'State' { Get-HcsRouteStatusWord }
            'Family' { foreach ($one in 'IPv4', 'IPv6') { @{ Text = $one; Tip = $one } } }
            'Interface' {
                foreach ($port in Get-HcsNetRouteInterface -ErrorAction Ignore) {
                    @{ Text = $port.InterfaceAlias; Tip = "$($port.InterfaceAlias) $(@($port.IPAddress) -join ', ') $($port.Message)".Trim() }
                }
            }
            'Node' { foreach ($node in Get-HcsNetRouteNode -ErrorAction Ignore) { @{ Text = $node.Name; Tip = "$($node.Name) $($node.Role)" } } }
            default {
                $property = if ($Kind -eq 'Destination') { 'DestinationPrefix' } else { 'NextHop' }
                $routes = @(Get-HcsNetRoute @filter)
                # A destination that is not stored yet says nothing about next hops.
                if (-not $routes -and $filter['DestinationPrefix']) {
                    $filter.Remove('DestinationPrefix')
                    $routes = @(Get-HcsNetRoute @filter)
                }
                foreach ($route in $routes) {
                    @{ Text = $route.$property; Tip = "$($route.DestinationPrefix) via $($route.NextHop) on $($route.InterfaceAlias) metric $($route.RouteMetric)" }
                }
            }
        }
    }
    catch { $null }
    $seen = @{}
    foreach ($one in $found) {
        # IPv6 addresses have no wildcards, and a typed one is not a pattern.
        if (-not $one.Text -or $seen[$one.Text] -or -not $one.Text.StartsWith($Word, 'OrdinalIgnoreCase')) { continue }
        $seen[$one.Text] = $true
        # A name with a blank is one argument only in quotes.
        $text = if ($one.Text -match '^[\w.:/-]+$') { $one.Text } else { "'" + ($one.Text -replace "'", "''") + "'" }
        if ($FullLanguage) {
            New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList $text, $one.Text, 'ParameterValue', $one.Tip
        }
        else { $text }
    }
}

# The words of -State: the states, and the reasons that routes show, each with
# its sentence. The messages have them all.
function Get-HcsRouteStatusWord {
    [OutputType([hashtable])]
    param()
    foreach ($one in 'Failed', 'Programmed', 'Removing', 'Waiting') { @{ Text = $one; Tip = $one } }
    $text = Get-HcsRouteText
    foreach ($kind in 'Cause', 'Warning') {
        foreach ($key in @($text.Keys) -clike "$kind*" | Microsoft.PowerShell.Utility\Sort-Object) {
            # These two are warnings about a call; no route has them.
            if ($key -in 'WarningNotProgrammed', 'WarningStoreBehind') { continue }
            @{ Text = $key.Substring($kind.Length); Tip = $text[$key] }
        }
    }
}

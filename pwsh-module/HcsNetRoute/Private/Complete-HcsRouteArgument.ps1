# Values for tab completion, from the live service; none when it is silent.
function Complete-HcsRouteArgument {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage.')]
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)][ValidateSet('Interface', 'Destination', 'NextHop', 'Node')][string]$Kind,
        [AllowEmptyString()][AllowNull()][string]$Word,
        # The parameters given before the one to complete.
        $Given = @{}
    )
    $Word = "$Word".Trim('"', "'")
    $filter = @{ ErrorAction = 'Ignore'; WarningAction = 'Ignore' }
    foreach ($name in 'InterfaceAlias', 'DestinationPrefix') {
        if ($Kind -ne 'Interface' -and $Given -and $Given[$name]) { $filter[$name] = $Given[$name] }
    }
    if ($Kind -eq 'Destination') { $filter.Remove('DestinationPrefix') }
    $found = try {
        switch ($Kind) {
            'Interface' {
                foreach ($port in Get-HcsNetRouteInterface -ErrorAction Ignore) {
                    @{ Text = $port.InterfaceAlias; Tip = "$($port.InterfaceAlias) $(@($port.IPAddress) -join ', ') $($port.Message)".Trim() }
                }
            }
            'Node' { foreach ($node in Get-HcsNetRouteNode -ErrorAction Ignore) { @{ Text = $node.Name; Tip = "$($node.Name) $($node.Role)" } } }
            default {
                $property = if ($Kind -eq 'Destination') { 'DestinationPrefix' } else { 'NextHop' }
                foreach ($route in Get-HcsNetRoute @filter) {
                    @{ Text = $route.$property; Tip = "$($route.DestinationPrefix) via $($route.NextHop) on $($route.InterfaceAlias) metric $($route.RouteMetric)" }
                }
            }
        }
    }
    catch { $null }
    $seen = @{}
    foreach ($one in $found) {
        # IPv6 addresses hold no wildcard, and a typed one is no pattern.
        if (-not $one.Text -or $seen[$one.Text] -or -not $one.Text.StartsWith($Word, 'OrdinalIgnoreCase')) { continue }
        $seen[$one.Text] = $true
        if ($FullLanguage) {
            New-Object -TypeName System.Management.Automation.CompletionResult -ArgumentList $one.Text, $one.Text, 'ParameterValue', $one.Tip
        }
        else { $one.Text }
    }
}

# Carries out the items of a pipeline: one process, partial batches. With
# -WhatIf the service validates only, and the effect on each node is shown.
function Invoke-HcsRouteChange {
    [CmdletBinding()]
    [OutputType('HcsNetRoute.Route')]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)][ValidateSet('add', 'set', 'remove')][string]$Operation,
        # Items (JSON) and what they were made from, by number from 0.
        [Parameter(Mandatory)][hashtable]$Item,
        [Parameter(Mandatory)][hashtable]$Target,
        # More fields of the request.
        [hashtable]$Option = @{},
        [switch]$NoWait,
        [int]$TimeoutSec,
        [switch]$PassThru,
        [switch]$Validate
    )
    if ($Item.Count -eq 0) { return }
    $fields = [ordered]@{ op = $Operation }
    if ($Validate) { $fields['validate_only'] = $true }
    else {
        $fields['wait'] = if ($NoWait) { 'stored' } else { 'programmed' }
        if ($TimeoutSec) { $fields['timeout'] = $TimeoutSec }
    }
    foreach ($name in $Option.Keys) { $fields[$name] = $Option[$name] }
    $person = Get-HcsRouteConnectedUser
    if ($person) { $fields['on_behalf_of'] = $person }
    $part = Split-HcsRouteItem -Item $Item -Field $fields
    $seen = @{}
    $wanted = [bool]$PassThru
    # If the service only validates, nothing is carried out and so nothing is counted.
    $count = if ($Validate) { 0 } else { $Item.Count }
    Invoke-HcsRouteRequest -Cmdlet $Cmdlet -Line $part.Line -Target $Target -Place $part.First -ItemCount $count -SkipRoutes:(-not $wanted -and -not $Validate) | Microsoft.PowerShell.Core\ForEach-Object {
        if ($_.type -eq 'warning') { Write-HcsRouteWarning -Answer $_ -Seen $seen }
        elseif ($_.type -eq 'routes' -and $Validate) {
            foreach ($route in $_.routes) { Show-HcsRouteEffect -Cmdlet $Cmdlet -Operation $Operation -Route $route }
        }
        elseif ($_.type -eq 'routes' -and $wanted) {
            foreach ($route in $_.routes) {
                # With -IfExists the answer has what was not there, too.
                if ($Operation -ne 'remove' -or $route.outcome -ne 'UNCHANGED') { ConvertTo-HcsRoute $route }
            }
        }
    }
}

# The "What if:" line of one item: what would become of it, on each node.
function Show-HcsRouteEffect {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSShouldProcess', '', Justification = 'For the cmdlet that is given, which has the attribute.')]
    [CmdletBinding()]
    param([Parameter(Mandatory)]$Cmdlet, [Parameter(Mandatory)][string]$Operation, [Parameter(Mandatory)]$Route)
    $now = @()
    $nodes = foreach ($node in $Route.nodes) {
        # The VM is there and would carry it out at once, if there is anything to do.
        if ($node.cause -eq 'IN_PROGRESS') {
            if ($Route.outcome -ne 'UNCHANGED') { $now += $node.node }
            continue
        }
        $reason = ConvertTo-HcsRouteWord "$($node.cause)$(if (-not $node.cause) { $node.condition })"
        $state = ConvertTo-HcsRouteWord $node.state
        if ($reason) { $state += " ($reason)" }
        "$($node.node): $state"
    }
    if ($now) { $nodes = @(Format-HcsRouteText -Key 'WhatIfAtOnce' -Value @{ names = $now -join ', ' }) + @($nodes) }
    $effect = if ($Operation -eq 'remove' -and $Route.outcome -eq 'UNCHANGED') { 'Nothing' } else { ConvertTo-HcsRouteWord $Route.outcome }
    $sentence = Format-HcsRouteText -Key "WhatIf$effect" -Otherwise "$($Route.outcome): {route}" -Value @{
        route = "$($Route.destination) via $($Route.next_hop) on $($Route.interface) metric $($Route.metric)"
        name  = Get-HcsRouteName @{ DestinationPrefix = $Route.destination; NextHop = $Route.next_hop; InterfaceAlias = $Route.interface }
        nodes = @($nodes | Microsoft.PowerShell.Core\Where-Object { $_ }) -join '; '
    }
    if ($FullLanguage) { $null = $Cmdlet.ShouldProcess($sentence, $sentence, $Cmdlet.MyInvocation.MyCommand.Name) }
    else { Microsoft.PowerShell.Utility\Write-Information -MessageData "What if: $sentence" -InformationAction Continue }
}

# Replaces ShouldProcess where methods cannot be called: the module cannot ask then,
# so it refuses what would ask.
function Test-HcsRouteConsent {
    [CmdletBinding()]
    [OutputType([bool])]
    param([Parameter(Mandatory)]$Cmdlet, [string]$Target)
    if ($ConfirmPreference -in 'Low', 'Medium') {
        Write-HcsRouteError -Cmdlet $Cmdlet -Terminating -Refusal (New-HcsRouteRefusal -Reason 'BAD_REQUEST' -Text 'ConfirmUnavailable' -Value @{ value = $Target })
    }
    return $true
}

# The person behind a remoting session. A restricted endpoint runs as a virtual
# account, and without this the audit would have only that account.
function Get-HcsRouteConnectedUser {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Reads a property of a type only, which that mode permits.')]
    [CmdletBinding()]
    [OutputType([string])]
    param()
    $info = Microsoft.PowerShell.Utility\Get-Variable -Name PSSenderInfo -Scope Global -ErrorAction Ignore
    if (-not $info -or -not $info.Value) { return }
    if ($info.Value.ConnectedUser) { return [string]$info.Value.ConnectedUser }
    # Over ssh the session runs as the connected user.
    return [System.Environment]::UserName
}

function Get-HcsNetRouteAudit {
    <#
    .SYNOPSIS
    Gets who changed which custom routes, and when.

    .DESCRIPTION
    Gets the records of the service's audit log, the newest first. Actor is
    who the service identified; OnBehalfOf is the person that a remoting
    session claimed to act for.

    .PARAMETER DestinationPrefix
    Only records that name this destination.

    .PARAMETER Since
    Only records from this time on.

    .PARAMETER Until
    Only records before this time.

    .PARAMETER Actor
    Only records of this actor.

    .PARAMETER Limit
    The number of records at most; all by default.

    .INPUTS
    Any object with the property DestinationPrefix.

    .OUTPUTS
    HcsNetRoute.AuditRecord

    .EXAMPLE
    Get-HcsNetRouteAudit -Limit 10

    Shows the ten latest changes.

    .EXAMPLE
    Get-HcsNetRouteAudit -DestinationPrefix 192.168.21.0/24 -Since (Get-Date).AddDays(-7) | Format-List

    Shows in full who changed a route in the last week.

    .LINK
    Get-HcsNetRoute

    .LINK
    about_HcsNetRoute
    #>
    [CmdletBinding()]
    [OutputType('HcsNetRoute.AuditRecord')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)]
        [ArgumentCompleter({ & (Microsoft.PowerShell.Core\Get-Module -Name HcsNetRoute) Complete-HcsRouteArgument Destination $args[2] $args[4] })]
        [string]$DestinationPrefix,

        [datetime]$Since,

        [datetime]$Until,

        [string]$Actor,

        [ValidateRange(1, 1000000)]
        [int]$Limit
    )
    begin {
        Import-HcsRoutePreference -Cmdlet $PSCmdlet
        Assert-HcsRouteGiven -Cmdlet $PSCmdlet -Bound $PSBoundParameters
        $explicit = @($PSBoundParameters.Keys)
        $line = @{}
        $target = @{}
        # RFC 3339 in UTC, whatever the culture writes.
        $format = 'yyyy\-MM\-dd\THH\:mm\:ss\.fff\Z'
    }
    process {
        if (-not (Test-HcsRouteRow -Cmdlet $PSCmdlet -Row $_ -Bound $PSBoundParameters -Explicit $explicit -Filter DestinationPrefix, Since, Until, Actor)) { return }
        $fields = [ordered]@{ v = 1; id = "$($line.Count + 1)"; op = 'audit' }
        if ($DestinationPrefix) { $fields['destination'] = $DestinationPrefix }
        if ($null -ne $PSBoundParameters['Since']) { $fields['since'] = $Since.ToUniversalTime().ToString($format, [cultureinfo]::InvariantCulture) }
        if ($null -ne $PSBoundParameters['Until']) { $fields['until'] = $Until.ToUniversalTime().ToString($format, [cultureinfo]::InvariantCulture) }
        if ($Actor) { $fields['actor'] = $Actor }
        if ($Limit) { $fields['limit'] = $Limit }
        $target[$line.Count] = $DestinationPrefix
        $line[$line.Count] = ConvertTo-HcsRouteJson $fields
    }
    end {
        if ($line.Count -eq 0) { return }
        $lines = for ($i = 0; $i -lt $line.Count; $i++) { $line[$i] }
        Invoke-HcsRouteRequest -Cmdlet $PSCmdlet -Line @($lines) -Target $target | Microsoft.PowerShell.Core\ForEach-Object {
            if ($_.type -ne 'audit') { return }
            foreach ($record in $_.records) { ConvertTo-HcsRouteAudit $record }
        }
    }
}

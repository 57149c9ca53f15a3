# Makes an object of a type of ours from an ordered hashtable.
function New-HcsRouteObject {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage; New-Object takes ten times as long.')]
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'Makes an object only.')]
    [OutputType([psobject])]
    param([string]$TypeName, $Property)
    if ($FullLanguage) {
        $object = [pscustomobject]$Property
        $object.PSTypeNames.Insert(0, $TypeName)
        return $object
    }
    $names = @($Property.Keys | Microsoft.PowerShell.Core\Where-Object { $_ -ne 'PSTypeName' })
    $object = Microsoft.PowerShell.Utility\New-Object -TypeName PSObject -Property $Property | Microsoft.PowerShell.Utility\Select-Object -Property $names
    Microsoft.PowerShell.Utility\Add-Member -InputObject $object -TypeName $TypeName -PassThru
}

# An RFC 3339 time of an answer as local time. 7.0 to 7.4 have already made a date of it.
function ConvertTo-HcsRouteTime {
    [OutputType([datetime])]
    param($Text)
    if ($Text) { ([datetime]$Text).ToLocalTime() }
}

# What a command was given, as the target of its errors: it can be piped on.
function New-HcsRouteTarget {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'Makes an object only.')]
    [OutputType('HcsNetRoute.Target')]
    param($Route)
    $property = [ordered]@{ InterfaceAlias = $Route.InterfaceAlias; DestinationPrefix = $Route.DestinationPrefix }
    foreach ($name in 'NextHop', 'RouteMetric', 'NewNextHop') {
        $value = $Route[$name]
        if (-not $value) { continue }
        # A number, as in routes, if it is one.
        $property[$name] = if ($name -eq 'RouteMetric' -and $value -match '^[1-9][0-9]{0,8}$') { [int]$value } else { $value }
    }
    New-HcsRouteObject 'HcsNetRoute.Target' $property
}

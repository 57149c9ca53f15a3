# JSON of requests, ASCII only. ConvertTo-Json leaves other characters as they
# are, which 5.1 would send as question marks, and is slow for many objects.
function ConvertTo-HcsRouteJson {
    [CmdletBinding()]
    [OutputType([string])]
    param($Value)
    if ($null -eq $Value) { return 'null' }
    if ($Value -is [bool] -or $Value -is [switch]) { return $(if ($Value) { 'true' } else { 'false' }) }
    if ($null -ne $Value.Keys) {
        $members = foreach ($key in $Value.Keys) { '"' + $key + '":' + (ConvertTo-HcsRouteJson $Value[$key]) }
        return '{' + ($members -join ',') + '}'
    }
    if ($Value -is [array]) {
        $items = foreach ($item in $Value) { ConvertTo-HcsRouteJson $item }
        return '[' + ($items -join ',') + ']'
    }
    if ($Value -is [int] -or $Value -is [long] -or $Value -is [uint16]) { return "$Value" }
    return ConvertTo-HcsRouteJsonString "$Value"
}

function ConvertTo-HcsRouteJsonString {
    [CmdletBinding()]
    [OutputType([string])]
    param([string]$Text)
    $Text = Limit-HcsRouteText $Text
    if ($Text -cnotmatch '[^ !#-\[\]-~]') { return '"' + $Text + '"' }
    $escaped = foreach ($character in $Text.ToCharArray()) {
        if ("$character" -cmatch '[ !#-\[\]-~]') { $character } else { '\u{0:x4}' -f [int]$character }
    }
    return '"' + (-join $escaped) + '"'
}

# The beginning of a text, which the service refuses as it would the whole. A text
# of megabytes would make the line too long, and all of its request would fail.
function Limit-HcsRouteText {
    [OutputType([string])]
    param([string]$Text)
    if ($Text.Length -gt $LongestText) { return $Text.Substring(0, $LongestText) }
    return $Text
}

# One item of a request. Most are plain ASCII, so all values of an item are checked
# at once. All are text, as they were written: the program judges each, with its item.
function ConvertTo-HcsRouteItem {
    [OutputType([string])]
    param([string]$Operation, $Route)
    $text = $Route
    if (-join $Route.Values -cmatch '[^ !#-\[\]-~]') {
        $text = @{}
        foreach ($name in $Route.Keys) { $text[$name] = (ConvertTo-HcsRouteJsonString $Route[$name]).Trim('"') }
    }
    $item = '{"interface":"' + $text.InterfaceAlias + '","destination":"' + $text.DestinationPrefix + '","next_hop":"' + $text.NextHop + '"'
    if ($Operation -ne 'remove' -and $text.RouteMetric) { $item += ',"metric":"' + $text.RouteMetric + '"' }
    if ($Operation -eq 'set' -and $text.NewNextHop) { $item += ',"new_next_hop":"' + $text.NewNextHop + '"' }
    if ($Operation -ne 'add' -and $text.Revision) { $item += ',"expected_revision":"' + $text.Revision + '"' }
    return $item + '}'
}

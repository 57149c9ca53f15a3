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
    if ($Text -cnotmatch '[^ !#-\[\]-~]') { return '"' + $Text + '"' }
    $escaped = foreach ($character in $Text.ToCharArray()) {
        if ("$character" -cmatch '[ !#-\[\]-~]') { $character } else { '\u{0:x4}' -f [int]$character }
    }
    return '"' + (-join $escaped) + '"'
}

# One item of a request. Most are plain ASCII, and go together in one look.
function ConvertTo-HcsRouteItem {
    [OutputType([string])]
    param([string]$Interface, [string]$Destination, [string]$NextHop, $Metric, [string]$NewNextHop)
    if ("$Interface$Destination$NextHop$NewNextHop" -cmatch '[^ !#-\[\]-~]') {
        $Interface = (ConvertTo-HcsRouteJsonString $Interface).Trim('"')
        $Destination = (ConvertTo-HcsRouteJsonString $Destination).Trim('"')
        $NextHop = (ConvertTo-HcsRouteJsonString $NextHop).Trim('"')
        $NewNextHop = (ConvertTo-HcsRouteJsonString $NewNextHop).Trim('"')
    }
    $item = '{"interface":"' + $Interface + '","destination":"' + $Destination + '"'
    if ($NextHop) { $item += ',"next_hop":"' + $NextHop + '"' }
    if ($NewNextHop) { $item += ',"new_next_hop":"' + $NewNextHop + '"' }
    # A text, as a CSV file has it, is judged by the program: 0100 is no number.
    if ($Metric -is [string]) { $item += ',"metric":' + (ConvertTo-HcsRouteJsonString $Metric) }
    elseif ($null -ne $Metric) { $item += ',"metric":' + $Metric }
    return $item + '}'
}

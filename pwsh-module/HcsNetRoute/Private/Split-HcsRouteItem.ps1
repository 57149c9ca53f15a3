# Puts the items of a pipeline into requests that are small enough for a line of 1 MiB
# and for progress to move. Returns their lines, and the number of the first item of
# each, followed by the number of items.
function Split-HcsRouteItem {
    [CmdletBinding()]
    [OutputType([hashtable])]
    param(
        # JSON of each item, by number from 0.
        [Parameter(Mandatory)][hashtable]$Item,
        # What the requests have in common.
        [Parameter(Mandatory)]$Field
    )
    $count = 0
    $size = 0
    $first = @(for ($i = 0; $i -lt $Item.Count; $i++) {
            $length = $Item[$i].Length + 1
            if ($i -eq 0 -or $count -eq 500 -or $size + $length -gt 256KB) {
                $i
                $count = 0
                $size = 0
            }
            $count++
            $size += $length
        }) + $Item.Count
    $common = (ConvertTo-HcsRouteJson $Field).Trim('{', '}')
    $lines = for ($n = 1; $n -lt $first.Count; $n++) {
        $chunk = for ($i = $first[$n - 1]; $i -lt $first[$n]; $i++) { $Item[$i] }
        '{"v":1,"id":"' + $n + '",' + $common + ',"routes":[' + (@($chunk) -join ',') + ']}'
    }
    return @{ Line = @($lines); First = $first }
}

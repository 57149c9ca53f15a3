# Puts the items of a pipeline into requests: small enough for a line of 1 MiB
# and for progress to move. Gives the items of each request as one text, and
# the number of its first item.
function Split-HcsRouteItem {
    [CmdletBinding()]
    [OutputType([hashtable])]
    param(
        # JSON of each item, by number from 0.
        [Parameter(Mandatory)][hashtable]$Item
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
        })
    $body = @(for ($n = 0; $n -lt $first.Count; $n++) {
            $end = if ($n + 1 -lt $first.Count) { $first[$n + 1] } else { $Item.Count }
            $chunk = for ($i = $first[$n]; $i -lt $end; $i++) { $Item[$i] }
            @($chunk) -join ','
        })
    return @{ Body = $body; First = $first }
}

# Reads client.yaml of the module's folder: "name: value" lines and comments.
# Files are relative to the module's folder. An unknown line is refused, so
# that a typing error does not lead to another service.
function Read-HcsRouteClientFile {
    [CmdletBinding()]
    [OutputType([hashtable])]
    param([Parameter(Mandatory)]$Cmdlet, [Parameter(Mandatory)][string]$Path)
    $settings = @{}
    if (-not (Microsoft.PowerShell.Management\Test-Path -LiteralPath $Path -PathType Leaf)) { return $settings }
    $number = 0
    foreach ($line in @(Microsoft.PowerShell.Management\Get-Content -LiteralPath $Path -Encoding UTF8)) {
        $number++
        if ($line -match '^\s*(#.*)?$' -or $line -match '^---\s*$') { continue }
        if ($line -cnotmatch '^(program|address|cert|key|ca)\s*:\s*(?:"([^"]*)"|''([^'']*)''|([^\s#"''][^#]*?))?\s*(?:\s#.*)?$') {
            Write-HcsRouteError -Cmdlet $Cmdlet -Terminating -Refusal (New-HcsRouteRefusal -Reason 'BAD_REQUEST' -Text 'ClientFileLine' -Value @{
                    value = $line.Trim(); path = $Path; line = $number
                })
        }
        $name = $Matches[1]
        $value = "$($Matches[2])$($Matches[3])$($Matches[4])"
        if (-not $value) { continue }
        if ($name -ne 'address' -and $value -notmatch '^([/\\]|[A-Za-z]:[/\\])') { $value = "$ModuleFolder/$value" }
        $settings[$name] = $value
    }
    return $settings
}

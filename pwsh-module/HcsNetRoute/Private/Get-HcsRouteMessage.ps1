# The sentence for a refusal, or what to do about it, in the session's
# language. In English it is the service's own words; in other languages it is the
# sentence of the table, with the operator's own value and the parts that vary.
function Get-HcsRouteMessage {
    [CmdletBinding()]
    [OutputType([string])]
    param(
        [Parameter(Mandatory)]$Refusal,
        [switch]$Action,
        # What was given as the port of the route.
        [string]$Port,
        # The parameters of the cmdlet: advice may name these.
        [string[]]$Parameter = @('InterfaceAlias', 'DestinationPrefix')
    )
    $text = Get-HcsRouteText
    $values = @{}
    if ($Refusal.params -is [hashtable]) { $values = $Refusal.params }
    elseif ($Refusal.params) {
        foreach ($property in $Refusal.params.PSObject.Properties) { $values[$property.Name] = $property.Value }
    }
    if ($Action) {
        if ($Refusal.action) { return $Refusal.action }
        $do = if ($text['Language'] -eq 'en' -and $Refusal.remedy) { $Refusal.remedy }
        else { Format-HcsRouteText -Key "Action$($Refusal.error_id)" -Value $values -Otherwise $Refusal.remedy }
        $do = Select-HcsRouteHalf $do
        # The service lists the words as the tables write them; here they are LinkDown.
        if ($Refusal.reason -eq 'BAD_REQUEST' -and $Refusal.field -eq 'states') {
            $words = @(foreach ($one in Get-HcsRouteStatusWord) { $one.Text })
            return Format-HcsRouteText -Key 'UseState' -Value @{ words = $words -join ', ' } -Otherwise $do
        }
        # A destination in the first place, which is the port's, was meant for the other parameter.
        if ($Refusal.reason -eq 'INTERFACE_NOT_FOUND') { $Port = $Refusal.value }
        if ('DestinationPrefix' -in $Parameter -and $Port -match '^(\d+(\.\d+){1,3}|[0-9a-f]*:[0-9a-f:.]*)(/\d+)?$') {
            $do = "$(Format-HcsRouteText -Key 'UseDestinationPrefix' -Value @{ value = $Port }) $do".Trim()
        }
        elseif ($Refusal.reason -eq 'DESTINATION_INVALID' -and 'InterfaceAlias' -in $Parameter -and "$($Refusal.value)" -match '^[^\d"][^.:/]*$') {
            $do = "$(Format-HcsRouteText -Key 'UseInterfaceAlias' -Value @{ value = $Refusal.value }) $do".Trim()
        }
        return $do
    }
    if ($Refusal.text) { return $Refusal.text }
    if ($text['Language'] -eq 'en' -and $Refusal.message) { return Select-HcsRouteHalf $Refusal.message }
    $message = Format-HcsRouteText -Key "Reason$($Refusal.error_id)" -Value $values -Otherwise $Refusal.message
    $field = $text["Field$($Refusal.field -replace '_', '')"]
    if (-not $field) { $field = $Refusal.field }
    $subject = "$field $($Refusal.value)".Trim()
    if ($subject) { $message = "${subject}: $message" }
    $related = @($Refusal.related | Microsoft.PowerShell.Core\Where-Object { $_ })
    if ($related) { $message = $message.TrimEnd('.', [char]0x3002) + ': ' + ($related -join '; ') }
    return $message
}

# The service names what to use as "--force / -Force" and "get / Get-HcsNetRoute":
# for its program and for this module. Here only the latter is useful.
function Select-HcsRouteHalf {
    [OutputType([string])]
    param([string]$Text)
    return $Text -creplace '--[a-z-]+ / (?=-[A-Z])' -creplace '\b[a-z]+ / (?=[A-Z][a-z]+-HcsNet)'
}

# The messages in the session's language, on top of the English ones: 5.1 does not
# fall back by itself.
function Get-HcsRouteText {
    [CmdletBinding()]
    [OutputType([hashtable])]
    param()
    $culture = "$PSUICulture"
    if ($MessageCache['Culture'] -eq $culture -and $MessageCache['Text']) { return $MessageCache['Text'] }
    $file = @{ BaseDirectory = $ModuleFolder; FileName = 'HcsNetRoute.Messages.psd1'; ErrorAction = 'SilentlyContinue' }
    Microsoft.PowerShell.Utility\Import-LocalizedData -BindingVariable text @file -UICulture en-US
    foreach ($other in 'ko-KR', 'ja-JP') {
        # "ko" alone is Korean as well.
        if ($culture.Split('-')[0] -ne $other.Split('-')[0]) { continue }
        Microsoft.PowerShell.Utility\Import-LocalizedData -BindingVariable localized @file -UICulture $other
        foreach ($key in @($localized.Keys)) { $text[$key] = $localized[$key] }
    }
    $MessageCache['Culture'] = $culture
    $MessageCache['Text'] = $text
    return $text
}

# Fills a message: {name} takes a value; what stands between [[ and ]] is left
# out where one of its values is missing.
function Format-HcsRouteText {
    [CmdletBinding()]
    [OutputType([string])]
    param([Parameter(Mandatory)][string]$Key, [hashtable]$Value = @{}, [string]$Otherwise)
    $template = (Get-HcsRouteText)[$Key]
    if (-not $template) { return $Otherwise }
    $parts = @($template -split '\[\[|\]\]')
    $whole = ''
    for ($i = 0; $i -lt $parts.Count; $i++) {
        $optional = $i % 2
        $complete = $true
        $tokens = @($parts[$i] -split '\{(\w+)\}')
        $filled = ''
        for ($j = 0; $j -lt $tokens.Count; $j++) {
            if ($j % 2 -eq 0) { $filled += $tokens[$j]; continue }
            $filling = $Value[$tokens[$j]]
            if ($null -eq $filling -or "$filling" -eq '') { $complete = $false }
            $filled += "$filling"
        }
        if ($complete -or -not $optional) { $whole += $filled }
    }
    return $whole
}

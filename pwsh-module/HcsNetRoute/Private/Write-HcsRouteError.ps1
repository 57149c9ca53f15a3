# Writes a refusal (an "error" answer) as one ErrorRecord: id and category from
# the one error table, the input as target, what to do as recommended action.
function Write-HcsRouteError {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
        Justification = 'Only where the module runs in FullLanguage.')]
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)]$Cmdlet,
        [Parameter(Mandatory)]$Refusal,
        $Target,
        [string]$Hint,
        # More of Exception.Data.
        [hashtable]$Data = @{},
        [switch]$Terminating
    )
    $message = Get-HcsRouteMessage -Refusal $Refusal
    $action = Get-HcsRouteMessage -Refusal $Refusal -Action -Port "$($Target.InterfaceAlias)" -Parameter $Cmdlet.MyInvocation.MyCommand.Parameters.Keys # the port may be a list
    $lack = Get-HcsRouteLack -Refusal $Refusal -Row $Target
    if ($lack) { $action = "$lack $action".Trim() }
    if ($Hint) { $action = "$Hint $action".Trim() }
    # Each is a sentence; Japanese has a full stop of its own.
    if ($message -notmatch '[.\u3002]$') { $message += '.' }
    if ($action -and $action -notmatch '[.\u3002]$') { $action += '.' }
    $whole = "$message $action".Trim()
    if ($null -eq $Target) { $Target = $Refusal.value }
    $name = $Cmdlet.MyInvocation.MyCommand.Name

    if (-not $FullLanguage) {
        # Methods of the cmdlet cannot be called; Write-Error does nearly the same.
        $preference = if ($Terminating) { @{ ErrorAction = 'Stop' } } else { @{} }
        Microsoft.PowerShell.Utility\Write-Error -Message $whole -ErrorId "$($Refusal.error_id),$name" -Category $Refusal.category `
            -TargetObject $Target -RecommendedAction $action -CategoryActivity $name @preference
        return
    }
    $exception = New-Object -TypeName System.InvalidOperationException -ArgumentList $whole
    # For scripts, which never need to read the text.
    $exception.Data['Reason'] = [string]$Refusal.reason
    $exception.Data['Field'] = [string]$Refusal.field
    $exception.Data['Value'] = [string]$Refusal.value
    $exception.Data['Related'] = [string[]]@($Refusal.related | Microsoft.PowerShell.Core\Where-Object { $_ })
    foreach ($key in $Data.Keys) { $exception.Data[$key] = $Data[$key] }
    $record = New-Object -TypeName System.Management.Automation.ErrorRecord -ArgumentList $exception, $Refusal.error_id, $Refusal.category, $Target
    # PowerShell 7 shows the recommended action under the message, 5.1 does not.
    $shown = if ($PSVersionTable['PSEdition'] -eq 'Core') { $message } else { $whole }
    $record.ErrorDetails = New-Object -TypeName System.Management.Automation.ErrorDetails -ArgumentList $shown
    $record.ErrorDetails.RecommendedAction = $action
    if ($Terminating) { $Cmdlet.ThrowTerminatingError($record) }
    $Cmdlet.WriteError($record)
}

# If a row was refused for an empty value because it has no such property: the
# properties that it has. A file with another separator gives rows with only one.
function Get-HcsRouteLack {
    [OutputType([string])]
    param($Refusal, $Row)
    $property = @{ interface = 'InterfaceAlias'; destination = 'DestinationPrefix'; next_hop = 'NextHop' }["$($Refusal.field)"]
    if (-not $property -or $Refusal.value -notmatch '^("")?\z' -or $Row -is [string] -or $null -ne $Row.Keys) { return }
    $names = @(foreach ($one in $Row.PSObject.Properties) { $one.Name })
    if (-not $names -or $property -in $names) { return }
    $text = Format-HcsRouteText -Key RowLacks -Value @{ parameter = $property; names = Limit-HcsRouteText ($names -join ', ') }
    if ($names.Count -eq 1 -and $names[0] -match '[;|\t]') { $text += " $(Format-HcsRouteText -Key RowSeparator)" }
    return $text
}

# A refusal that the module itself makes, in the shape of an "error" answer.
function New-HcsRouteRefusal {
    [Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseShouldProcessForStateChangingFunctions', '', Justification = 'Makes an object only.')]
    [CmdletBinding()]
    [OutputType([hashtable])]
    param(
        [Parameter(Mandatory)][ValidateSet('UNAVAILABLE', 'NOT_FOUND', 'BAD_REQUEST', 'INTERFACE_NOT_FOUND')][string]$Reason,
        # Key of the message; without it, the reason's own.
        [string]$Text,
        [hashtable]$Value = @{},
        [string]$Field
    )
    $known = @{
        UNAVAILABLE         = 'Unavailable', 'ConnectionError'
        NOT_FOUND           = 'NotFound', 'ObjectNotFound'
        BAD_REQUEST         = 'BadRequest', 'InvalidArgument'
        INTERFACE_NOT_FOUND = 'InterfaceNotFound', 'ObjectNotFound'
    }[$Reason]
    if ($Value['value']) { $Value['value'] = Limit-HcsRouteText $Value['value'] }
    $refusal = @{ reason = $Reason; error_id = $known[0]; category = $known[1]; field = $Field; value = $Value['value']; params = $Value }
    if ($Text) {
        $refusal['text'] = Format-HcsRouteText -Key $Text -Value $Value
        $refusal['action'] = Format-HcsRouteText -Key "${Text}Action" -Value $Value
    }
    return $refusal
}

# HcsNetRoute: custom routes for the Kubernetes VMs of the device. The module
# holds no rules of its own: it asks the service, through "hcsroute jsonl".
[Diagnostics.CodeAnalysis.SuppressMessageAttribute('PSUseConstrainedLanguageMode', '',
    Justification = 'The files dot-sourced are the module''s own, named by its own folder.')]
param()

# The module's folder, for the program and client.yaml.
$script:ModuleFolder = $PSScriptRoot

# Where a system policy does not trust the module, its code runs in
# ConstrainedLanguage; a few functions then take a slower way.
$script:FullLanguage = "$($ExecutionContext.SessionState.LanguageMode)" -eq 'FullLanguage'

# PowerShell 7 turns text that looks like a date into one; 7.5 has a switch against it.
$script:JsonOption = @{}
if ((Microsoft.PowerShell.Core\Get-Command -Name ConvertFrom-Json -CommandType Cmdlet).Parameters['DateKind']) {
    $script:JsonOption = @{ DateKind = 'String' }
}

# How much of a text goes to the service, which refuses more than 512 bytes.
$script:LongestText = 600

# Codes already converted to PascalCase.
$script:WordCache = @{}

# The messages in the language of the session; loaded when first needed.
$script:MessageCache = @{ Culture = $null; Text = $null }

# Not by TypesToProcess, which fails if another copy of the module was imported
# in the session.
if (-not (Microsoft.PowerShell.Utility\Get-TypeData -TypeName 'HcsNetRoute.Route')) {
    Microsoft.PowerShell.Utility\Update-TypeData -AppendPath "$PSScriptRoot/HcsNetRoute.Types.ps1xml" -WhatIf:$false -Confirm:$false
}

foreach ($folder in 'Private', 'Public') {
    foreach ($file in Microsoft.PowerShell.Management\Get-ChildItem -LiteralPath "$PSScriptRoot/$folder" -Filter '*.ps1') {
        . $file.FullName
    }
}

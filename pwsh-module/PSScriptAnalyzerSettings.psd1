@{
    # All default rules, and those of the compatibility with 5.1.
    IncludeDefaultRules = $true
    Severity            = @('Error', 'Warning', 'Information')
    Rules               = @{
        PSUseCompatibleSyntax            = @{ Enable = $true; TargetVersions = @('5.1', '7.0', '7.6') }
        PSUseCompatibleCmdlets           = @{ compatibility = @('desktop-5.1.14393.206-windows') }
        PSUseConstrainedLanguageMode     = @{ Enable = $true }
        PSAvoidUsingPositionalParameters = @{
            Enable           = $true
            # Private helpers of one line, called for each of thousands of objects.
            CommandAllowList = @(
                'New-HcsRouteObject', 'New-HcsRouteTarget', 'Read-HcsRouteRow', 'Get-HcsRouteName', 'Select-HcsRouteHalf', 'ConvertTo-HcsRouteItem', 'ConvertTo-HcsRoute', 'ConvertTo-HcsRouteWord',
                'ConvertTo-HcsRouteTime', 'ConvertTo-HcsRouteJson', 'ConvertTo-HcsRouteJsonString', 'Test-HcsRouteMatch'
            )
        }
        PSAvoidUsingDoubleQuotesForConstantString = @{ Enable = $true }
        PSAvoidSemicolonsAsLineTerminators = @{ Enable = $true }
        PSAvoidExclaimOperator           = @{ Enable = $true }
        PSPlaceOpenBrace                 = @{ Enable = $true; OnSameLine = $true; NewLineAfter = $false; IgnoreOneLineBlock = $true }
        PSUseConsistentIndentation       = @{ Enable = $true; Kind = 'space'; IndentationSize = 4; PipelineIndentation = 'IncreaseIndentationForFirstPipeline' }
        PSUseCorrectCasing               = @{ Enable = $true }
    }
}

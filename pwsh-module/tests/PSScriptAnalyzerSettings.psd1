@{
    # The tests run on PowerShell 7 only, and Pester's blocks hide uses of variables.
    IncludeDefaultRules = $true
    ExcludeRules        = @('PSUseDeclaredVarsMoreThanAssignments', 'PSUseShouldProcessForStateChangingFunctions', 'PSAvoidUsingWriteHost')
}

# Gives the agent's role access to one credential provider, by a managed policy.
role_arn=$(grep "execution_role:" .bedrock_agentcore.yaml | head -1 | awk '{print $2}')
account=$(grep "account:" .bedrock_agentcore.yaml | head -1 | awk '{print $2}' | tr -d "'")
region=$(grep "region:" .bedrock_agentcore.yaml | awk '{print $2}')
prefix="arn:aws:bedrock-agentcore:${region}:${account}"
provider=AgentCoreIdentityQuickStartProvider

cat > policy.json << END
{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "TokenVault",
      "Effect": "Allow",
      "Action": ["bedrock-agentcore:GetResourceOauth2Token", "secretsmanager:GetSecretValue"],
      "Resource": [
        "${prefix}:workload-identity-directory/default",
        "${prefix}:workload-identity-directory/default/workload-identity/*",
        "${prefix}:token-vault/default",
        "${prefix}:token-vault/default/oauth2credentialprovider/${provider}",
        "arn:aws:secretsmanager:${region}:${account}:secret:bedrock-agentcore-identity!default/oauth2/${provider}*"
      ]
    }
  ]
}
END

policy_arn=$(aws iam create-policy \
    --policy-name "AgentCoreIdentityQuickStartPolicy$(LC_ALL=C tr -dc '0-9' < /dev/urandom | head -c 4)" \
    --policy-document file://policy.json \
    --query 'Policy.Arn' \
    --output text)
role_name=$(echo "$role_arn" | awk -F'/' '{print $NF}')
aws iam attach-role-policy --role-name "$role_name" --policy-arn "$policy_arn"
echo "attached $policy_arn"
rm policy.json

output "address" {
  description = "Where the load balancer listens."
  value       = data.aws_lb.main.dns_name
}

output "account" {
  description = "Whose all this is."
  value       = "${data.aws_caller_identity.current.account_id} in ${data.aws_region.current.name}"
}

output "repository" {
  description = "Where images are pushed to."
  value       = data.aws_ecr_repository.app.repository_url
}

output "network" {
  description = "The VPC, with its subnets."
  value       = { (data.aws_vpc.main.id) = sort(data.aws_subnets.public.ids) }
}

output "revision" {
  description = "The revision that Terraform registered."
  value       = data.aws_ecs_task_definition.app.arn
}

output "address" {
  description = "Where the load balancer listens."
  value       = aws_lb.main.dns_name
}

output "repository" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.app.repository_url
}

output "cluster" {
  description = "The cluster, for tidegate.yml."
  value       = aws_ecs_cluster.main.name
}

output "service" {
  description = "The service, for tidegate.yml."
  value       = @{service_resource}.name
}

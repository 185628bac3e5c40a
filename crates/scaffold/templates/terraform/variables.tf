variable "name" {
  description = "What everything is called, or begins with."
  type        = string
  default     = "@{name}"
}

variable "region" {
  description = "Where everything stands."
  type        = string
  default     = "@{region}"
}

variable "image" {
  description = "The image that the service begins with, best by its digest. Later ones are deployed, not applied."
  type        = string
}

variable "container_port" {
  description = "The port that the container listens on."
  type        = number
  default     = 8080
}

variable "health_check_path" {
  description = "Where the load balancer asks whether a task is healthy."
  type        = string
  default     = "/health"
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one."
  type        = number
  default     = 256
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  default     = 512
}

variable "desired_count" {
  description = "How many tasks the service begins with. Two survive the loss of one."
  type        = number
  default     = 2
}

variable "port" {
  description = "The port of the load balancer that everybody uses."
  type        = number
  default     = 80
}
@{test_port}
variable "certificate_arn" {
  description = "The certificate of the listeners. Without one they speak plain HTTP, as on a local cloud."
  type        = string
  default     = null
}

variable "autoscaling" {
  description = "Between how many tasks the count moves, and the CPU percentage that it aims at. Null leaves the count alone."
  type        = object({ min = number, max = number, cpu = number })
  default     = null
}
